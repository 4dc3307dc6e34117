"""The compiled arithmetic of the catalogue. A kernel runs from a state over any number of bars and updates the state.

`kernel(*inputs, *parameters, state, out)`: inputs (T,) read-only, state (HEAD + rings,), out (K, T) written in full.
The batch is one call with a new state; the stream is many calls of one bar. So there is one arithmetic, and the two
agree bit for bit. `state[0]` counts the bars seen. Nothing here allocates, branches on time, or reads past the bar it
is at.
"""
