"""activity-monitor: samples in, activity labels out.

    audio       a sound card or files  ->  Block     samples [channels, n] on the array's sample clock
                windows.py             ->  Window    what is recognised, or a Gap: time without usable samples
    inference   logmel.py, picture.py  ->  what the models see: log-mel spectrograms, and pictures of them
                bundle.py, recognise.py  ->  Recognition   scores, by members.py, sound.py, graph.py
    stream      messages.py            ->  label, event, gap and health messages
                journal.py             every message is in it before it is sent; read by journal_reader.py
                publisher.py           a process of its own: journal -> ZeroMQ -> subscriber.py
                keys.py                who may listen: asked for by gate.py there, shown by connection.py here
    views       dashboard.py           an ordinary subscriber: state.py knows the arrays, render.py draws them
                homeassistant.py       another: stream -> broker.py (MQTT), entities by discovery.py
                timeline.py            the past as a picture (timeline_svg.py) or rows; stream/past.py has it
                inventory.py           what a bundle holds

`core.py` is the loop from window to message: `array.py` knows where each array is, `choices.py` what the run
chose, `episodes.py` what lasts, `verdict.py` what a label tells, and `outlet.py` sends it. `daemon.py` opens
and closes all stages, `notify.py` tells systemd and `metrics.py` Prometheus, `config.py` holds every default,
`cli.py` is the parser, `actions.py` what each command does, `output.py` what it shows and `signals.py` how
it ends.
"""

import os

# Else onnxruntime reports to its maker over the network, and keeps an identity of the machine in its home.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__version__ = "0.1.0"
