"""Simulated homes: a seed in, labelled recordings of arrays of four microphones out.

    dice          random numbers, of which some values are held out
    scene         what an activity is made of: dry sounds, each with its place and level
    signals       building blocks of sounds
    activities    label -> sounds; one file per activity beside it
    own_clips     a folder of real clips -> sounds
    rooms         homes at random: room, places, arrays; materials.py, microphones.py, responses.py
    recording     sounds -> four channels of an array
    plan          hours -> sessions: which activity, how long, by which arrays, in which fold
    session       a session -> its recordings
    data_set      all sessions in the layout of DCASE 2018 Task 5 (layout.py), with pictures (gallery.py)
    day           a day of one home without a break
    workers       work for several processes

It exists so that a model can be trained, and everything tried, without recordings of anybody's home.
"""
