#!/usr/bin/env bash
# Measure the tables of README.md and docs/record.md anew. Hours on two cores; the same command goes on where it stopped.
#   benchmarks/record.sh            # into $RECORD_DIR (runs/record): NAME.log and NAME.done of each step
#   benchmarks/record.sh --quick    # the same steps on small data (runs/record-quick): its numbers mean nothing
# A step is done anew when its NAME.done is removed. SENSATION_DIR is the folder of the published texts, REAL_DIR that of the
# real photographs; without it their steps are left out. PYTHON is the interpreter, by default that of make's .venv.
set -euo pipefail
cd "$(dirname "$0")/.."

quick=false
case "${1:-}" in
  "") ;;
  --quick) quick=true ;;
  *)
    echo "usage: $0 [--quick]" >&2
    exit 2
    ;;
esac

if $quick; then RECORD_DIR="${RECORD_DIR:-runs/record-quick}"; else RECORD_DIR="${RECORD_DIR:-runs/record}"; fi
PYTHON="${PYTHON:-.venv/bin/python}"
export PYTHONPATH="$PWD" HF_HUB_OFFLINE="${HF_HUB_OFFLINE:-1}" TOKENIZERS_PARALLELISM=false
mkdir -p "$RECORD_DIR"

# step NAME COMMAND...: run it unless it is done, keep what it says, and leave a stamp with commit, date and seconds.
step() {
  local name="$1" start="$SECONDS" stamp="$RECORD_DIR/$1.done"
  shift
  if [[ -e $stamp ]]; then
    echo "== $name is done: $(<"$stamp")"
    return
  fi
  echo "== $name: $*"
  "$@" 2>&1 | tee -a "$RECORD_DIR/$name.log"
  echo "$(git rev-parse --short HEAD 2>/dev/null || echo 'no git'), $(date -u +%F), $((SECONDS - start)) s" >"$stamp.new"
  mv "$stamp.new" "$stamp"
}

train() { "$PYTHON" train.py --resume auto "$@"; }
evaluate() { "$PYTHON" eval.py "$@"; }

# Exit code 1 says that a claim or a demand does not hold: that is a result.
picture_pays() { "$PYTHON" benchmarks/picture_pays.py "$@" || [[ $? == 1 ]]; }
caption_speed() { "$PYTHON" benchmarks/captions.py "$@" || [[ $? == 1 ]]; }
heads_against_captions() { "$PYTHON" benchmarks/heads_against_captions.py "$@" || [[ $? == 1 ]]; }
unlike_pictures() { "$PYTHON" benchmarks/unlike_pictures.py "$@" || [[ $? == 1 ]]; }

# The rater feedback score of runs of a sweep: their folders are named after the settings.
evaluate_each() {
  local run
  for run in "$@"; do
    echo "-- $run"
    evaluate --run "$run"
  done
}

# What is small in --quick; arrays stay empty otherwise, and the default data sets are drawn into the cache.
drives=() walks=() short=() small=() seeds=3 headline_seeds=5
other_world=(--train 1440 --val 240 --stride 20)
if $quick; then
  drives=(--data_dir "$RECORD_DIR/drives") walks=(--data_dir "$RECORD_DIR/walks") short=(--epochs 1) small=(--quick) seeds=1 headline_seeds=2
  other_world=(--train 12 --val 6 --seconds 8 --stride 20)
  step quick-drives "$PYTHON" -m roadcue.roadworld --out "$RECORD_DIR/drives" --cameras FRONT "${other_world[@]}"
  step quick-walks "$PYTHON" -m roadcue.roadworld.sidewalk --out "$RECORD_DIR/walks" --train 160 --val 40
fi

# The demo: README's table.
step demo train --encoder smol --head waypoint "${drives[@]}" "${short[@]}" --run_dir "$RECORD_DIR/demo"
step demo-eval evaluate --run "$RECORD_DIR/demo"
step five-seeds train --seeds "$headline_seeds" "${drives[@]}" "${short[@]}" --run_dir "$RECORD_DIR/five_seeds"
step five-seeds-eval evaluate --run "$RECORD_DIR/five_seeds"

# Which head?
step heads train --sweep waypoint.kind=linear,mlp,unicycle,modes --sweep waypoint.residual=none,ego --seeds "$seeds" \
  "${drives[@]}" "${short[@]}" --run_dir "$RECORD_DIR/heads"
step slow-heads train --sweep waypoint.kind=gru,query,vocabulary --sweep waypoint.residual=none,ego \
  "${drives[@]}" "${short[@]}" --run_dir "$RECORD_DIR/slow_heads"
step heads-raters evaluate_each "$RECORD_DIR"/heads/*kind=unicycle,*residual=none-seed* \
  "$RECORD_DIR"/heads/*kind=mlp,*residual=ego-seed*

# On what the default head was chosen: a world of another seed.
other=(--data_dir "$RECORD_DIR/world_seed_1" "${short[@]}")
step choice-world "$PYTHON" -m roadcue.roadworld --out "$RECORD_DIR/world_seed_1" --seed 1 --cameras FRONT "${other_world[@]}"
step choice-kinds train --sweep waypoint.kind=linear,mlp,unicycle,modes --sweep waypoint.residual=none,ego \
  --seeds "$seeds" "${other[@]}" --run_dir "$RECORD_DIR/choice_kinds"
step choice-modes evaluate_each "$RECORD_DIR"/choice_kinds/*kind=modes,*residual=none-seed0
none=(--waypoint.residual none)
step choice-losses train --sweep waypoint.loss=l2,l1,smooth,rater "${none[@]}" "${other[@]}" --run_dir "$RECORD_DIR/choice_losses"
step choice-average train --sweep ema=0,0.99 "${none[@]}" "${other[@]}" --run_dir "$RECORD_DIR/choice_average"
step choice-past train --sweep waypoint.past_dropout=0,0.25 "${none[@]}" "${other[@]}" --run_dir "$RECORD_DIR/choice_past"
step choice-rank train --sweep waypoint.rank=12,24 "${none[@]}" "${other[@]}" --run_dir "$RECORD_DIR/choice_rank"

# Sidewalk, road, objects, cues.
step walk train --head field,cue --data sidewalk "${walks[@]}" "${short[@]}" --run_dir "$RECORD_DIR/walk"
step walk-eval evaluate --run "$RECORD_DIR/walk"
step drive train --head waypoint,cue "${drives[@]}" "${short[@]}" --run_dir "$RECORD_DIR/drive"
step drive-eval evaluate --run "$RECORD_DIR/drive"

# Published texts.
if [[ -n ${SENSATION_DIR:-} ]]; then
  texts=(--predictions "$SENSATION_DIR/flamingo_bvpi_predictions.jsonl" --data sensation --data_dir "$SENSATION_DIR")
  step texts evaluate "${texts[@]}" --out "$RECORD_DIR/texts"
  step texts-published evaluate "${texts[@]}" --protocol published --out "$RECORD_DIR/texts_published"
  for model in flamingo flamingo_base; do
    step "captions-$model" evaluate --predictions "$SENSATION_DIR/${model}_caption_predictions.json" --head caption \
      --out "$RECORD_DIR/captions"
  done
else
  echo "== texts, captions: left out; set SENSATION_DIR to the folder of the published texts"
fi

# Heads or captions?
step captions heads_against_captions "${small[@]}" --out "$RECORD_DIR/captions"

# Does the picture pay?
step picture-pays picture_pays "${small[@]}" --json "$RECORD_DIR/picture_pays.json"

# Which things of RoadWorld's pairs does the encoder tell?
step pairs-drives "$PYTHON" benchmarks/pair_probe.py "${small[@]}" --json "$RECORD_DIR/pairs_drives.json"
step pairs-walks "$PYTHON" benchmarks/pair_probe.py --view walks "${small[@]}" --json "$RECORD_DIR/pairs_walks.json"

# Which pictures are unlike those that were learnt from?
step unlike-drives unlike_pictures --run "$RECORD_DIR/drive" "${small[@]}" --json "$RECORD_DIR/unlike_drives.json"
step unlike-walks unlike_pictures --run "$RECORD_DIR/walk" "${small[@]}" --json "$RECORD_DIR/unlike_walks.json"

# What do the encoders tell of real photographs, and does a head that learns from them lose to its own ridge?
if [[ -n ${REAL_DIR:-} ]]; then
  step real-photographs "$PYTHON" benchmarks/real_photographs.py "${small[@]}" --json "$RECORD_DIR/real_photographs.json"
  step ridge-floor "$PYTHON" benchmarks/ridge_floor.py "${small[@]}" --json "$RECORD_DIR/ridge_floor.json"
else
  echo "== real-photographs, ridge-floor: left out; set REAL_DIR to the folder that holds udacity_hmb3"
fi

# Speed. The last two hold 4.5 and 5.6 GB, but with --quick.
step speed-import "$PYTHON" benchmarks/import_roadcue.py "${small[@]}"
step speed-read "$PYTHON" benchmarks/read_camera.py "${small[@]}"
step speed-rows "$PYTHON" benchmarks/train_rows.py "${small[@]}"
step speed-captions "$PYTHON" benchmarks/caption_metrics.py "${small[@]}"
step speed-generation caption_speed --model smol flamingo --dtype fp32 bf16 --asked scene bvpi "${small[@]}"
step speed-tower-fp32 "$PYTHON" benchmarks/tower.py --dtype fp32 --layers 4 --batch 4 "${small[@]}"
step speed-tower-bf16 "$PYTHON" benchmarks/tower.py --dtype bf16 --layers 4 --batch 4 "${small[@]}"
step speed-predict "$PYTHON" benchmarks/predict_latency.py --run "$RECORD_DIR/demo" "${small[@]}"
step speed-draw "$PYTHON" benchmarks/render_roadworld.py "${small[@]}"
step speed-raters "$PYTHON" benchmarks/rater_feedback.py "${small[@]}"
step speed-tower-memory "$PYTHON" benchmarks/tower_memory.py "${small[@]}"
step speed-flamingo "$PYTHON" benchmarks/full_size_flamingo.py "${small[@]}"

echo "All steps are done: $RECORD_DIR/*.log has what they said, *.done from which commit, when, and for how long."
$quick || echo "To write the tables of README and docs/record.md from them: $PYTHON benchmarks/record_tables.py --take $RECORD_DIR"
