"""Packing: a training run in, what the daemon loads out.

onnx.py      torch -> ONNX, refused unless it computes what torch computes
crnn.py      the fold models of a run -> one graph
backbone.py  an image network with its preprocessing -> one graph
examples.py  real sounds, on which a graph is tried
pack.py      run directory -> bundle with its model card (through monitor.inference.bundle)
cli.py       `activity-export`
"""
