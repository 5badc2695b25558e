BIN ?= .venv/bin

.PHONY: default-bundle
# What ships in monitor/bundles, from nothing: about ten minutes on two cores. Remove build/ first to repeat it.
default-bundle:
	$(BIN)/activity-trainer simulate --clips 40 --seed 1 --to build/generated
	$(BIN)/activity-trainer train crnn --data build/generated --recipe default --folds 1 --threads 2 \
		--out build/default-run
	$(BIN)/activity-export bundle build/default-run -o monitor/bundles/default --name default \
		--notice "trained on generated sounds only: for trying out, not for decisions about anybody's care"
	$(BIN)/activity-trainer simulate --demo monitor/bundles/demo.flac --seed 3
