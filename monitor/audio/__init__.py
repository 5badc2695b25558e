"""Samples in: sources of blocks, and the windows cut from them."""
