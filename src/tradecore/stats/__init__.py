"""What a track record is worth: metrics, splits, inference and the verdict. Pure: numpy in, numbers out."""
