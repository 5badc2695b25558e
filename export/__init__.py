"""Packing: a training run in, what the daemon loads out.

onnx.py      torch -> ONNX, refused unless it computes what torch computes
crnn.py      the fold models of a CRNN -> one graph
backbone.py  an image network with its preprocessing -> one graph
graph.py     run directory -> its graph
pack.py      run directory -> bundle (through monitor.inference.bundle)
card.py      what a bundle says of itself to people
cli.py       `activity-export`
"""
