"""Packing: a training run in, what the daemon loads out.

onnx.py      torch -> ONNX, refused unless it computes what torch computes
crnn.py      the fold models of a CRNN -> one graph
backbone.py  an image network with its preprocessing -> one graph
sound.py     a network for sound with its front end -> one graph
system.py    run directory -> the runs that become members, and the channels that they hear
graph.py     a run -> its network and its graph
pack.py      run directory -> bundle (through monitor.inference.bundle)
verify.py    bundle and run, the same labels? reference.py says what the run says, clips.py has the sounds
card.py      what a bundle says of itself to people: trainer.card, and the commands that make it
cli.py       `activity-export`
"""

import monitor  # noqa: F401 - before onnxruntime: it says so that nothing is reported
