"""Examples below the ``--help`` of every command."""

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "run": (
        "run --task rvos --method lmpmpp --limit 8",
        "run --task rvos,rmot --method lmpmpp,moving_region --data ~/MeViS --split valid_u --out runs/both",
        "run --task rvos --method lmpmpp --videos 00002,00010..00014 --set seed=1",
    ),
    "try": ('try clip.mp4 "the dog that turns around" --method lmpmpp,moving_region',),
    "score": (
        "score preds/ --data ~/MeViS --split valid_u --name Sa2VA",
        "score RUN --protocol mevis_v1 --out rescored",
    ),
    "train": (
        "train --method lmpmpp --variant mini",
        "train --method referformer --variant resnet50 --data ~/MeViS --dry-run",
    ),
    "merge": ("merge runs/1of2 runs/2of2 --out runs/whole",),
    "status": ("status", "status runs/my_run --json"),
    "watch": ("watch runs/my_run",),
    "cost": ("cost RUN_A RUN_B",),
    "roundtrip": ("roundtrip RUN --reader lmpmpp:mini",),
    "selfcheck": ("selfcheck --limit 120 --kills 30",),
    "pairs": ("pairs RUN",),
    "points": ("points mevis_submission.json --data ~/MeViS --split valid_u",),
    "calibrate": ("calibrate RUN", "calibrate RUN --objective final"),
    "suite": ("suite demo --out runs/demo", "suite rvos-all --method lmpmpp --data ~/datasets --out runs/all"),
    "data get": ("data get long_rvos --split valid --out ~/long_rvos --revision COMMIT",),
    "data info": ("data info ref_davis17",),
    "data verify": ("data verify ~/MeViS --split valid_u",),
    "data make-mini": ("data make-mini --split train --videos 100 --seed 7 --out mini",),
    "data make-fixture": ("data make-fixture long_rvos --out fixture",),
    "data export": ("data export --data ~/MeViS --split valid_u --out KITTI",),
    "data import": ("data import ~/Refer-KITTI --out refer-kitti",),
    "list tasks": ("list tasks",),
    "list data-sets": ("list data-sets",),
    "list methods": ("list methods --task rmot",),
    "show method": ("show method lmpmpp:mini",),
    "doctor": ("doctor", "doctor --require gpu,rmeg"),
    "new method": ("new method My-Method",),
    "weights list": ("weights list lmpm",),
    "weights get": ("weights get referformer:resnet50", "weights get git --revision COMMIT --accept-license"),
    "weights verify": ("weights verify",),
    "weights prune": ("weights prune",),
    "weights add": ("weights add referformer:resnet50 r50_refytvos.pth",),
    "env create": ("env create NAME",),
    "env doctor": ("env doctor NAME",),
    "env diff": ("env diff NAME",),
    "report": ("report RUN_A RUN_B", "report RUN --vs paper", "report RUN_A RUN_B --format latex > table.tex"),
    "protocol": ("protocol RUN",),
    "compare": ("compare RUN_A RUN_B", "compare RUN_A RUN_B --metric J --json"),
    "gate": ("gate runs/nightly/runs/* --expected expected.json",),
    "accept": ("accept runs/nightly/runs/* --expected expected.json",),
    "failures": ("failures RUN",),
    "gallery": ("gallery RUN --compare-to RUN_B",),
    "history add": ("history add RUN --file history.jsonl",),
    "history page": ("history page --file history.jsonl --out history",),
    "site": ("site runs/*/ --file history.jsonl --out site",),
    "picture": ("picture RUN --sample 00017/0 --out picture.png",),
    "submit pack": ("submit pack RUN --data ~/MeViS --split valid --out submission.zip",),
    "submit check": ("submit check submission.zip --data ~/MeViS --split valid",),
    "push": ("push RUN owner/name --to hub",),
    "pull": ("pull owner/name --out RUN",),
    "export": ("export RUN --to parquet",),
}
"""Arguments of ``mevis-bench``, by command."""


def epilog(command: str) -> str | None:
    """Return the text below the help of a command; ``None``: it is a group of commands."""
    lines = [f"mevis-bench {example}" for example in EXAMPLES.get(command, ())]
    return "\n\n".join(["Examples:" if len(lines) > 1 else "Example:", *lines]) if lines else None
