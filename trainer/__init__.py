"""Training: data sets in, run directories out. It reproduces the paper's experiments.

    download    addresses and digests   ->  files on disk; unpack.py opens the archives among them
    datasets    a folder on disk        ->  DataSet   clips with label, fold and group; check.py checks a copy
    recipes     NAME or FILE.toml       ->  Recipe    every number of a training run, as data
    features    clips                   ->  Features  log-mel examples, one per channel; chunks.py keeps them
    augment     a training batch        ->  the same, changed at random
    models      crnn.py, vgg.py, ...    ->  the networks, one file each; backbones.py: those of images
    weights     imagenet, random, FILE  ->  a backbone with weights in it; checkpoints.py fetches them
    embeddings  clips                   ->  Features  what a backbone sees in pictures of the log-mel
    training    what both have in common, before and after they learn, and the run directory (run.py)
    train_crnn  fold by fold (fit.py)   ->  a run directory with its networks (folds.py)
    train_svm   embeddings (svm.py)     ->  a run directory with its machines; grid.py chooses their C
    fusion      finished runs           ->  a run directory with the machines on top of them
    experiments the paper's tables      ->  rows as data; plan.py, forecast.py, reproduce.py
    evaluate    predictions.py          ->  accuracy, macro F1, confusion matrix, intervals over groups
    calibration decision values         ->  probabilities, and how far to trust them; reliability.py draws it
    report      results                 ->  report.md (tables.py), pictures (confusion.py, curve.py, ...)
    system      a finished run          ->  the runs that it consists of; card.py: its model card
    simulate    hours and a seed        ->  recordings of simulated homes, in the layout of DCASE 2018 Task 5
    agreement   a monitor's journal     ->  how far it says what went on in a recording

The window rule and the log-mel front end are the daemon's own (`monitor.inference.logmel`), so that what is
trained is what runs. `export` packs a run directory into a bundle.
"""
