"""Packing: a training run in, what the daemon loads out.

onnx.py    fold models -> one ONNX graph, refused unless it computes what torch computes
pack.py    run directory -> bundle with its model card (through monitor.inference.bundle)
cli.py     `activity-export`
"""
