"""The client of Kraken: REST, WebSocket v2 and the public charts of its futures, over one transport.

Thin and asynchronous. It asks and listens; it decides nothing, keeps no account and sends no write a second time. Every
call is answered by one of three: done, refused in the venue's own words, or unknown.
"""
