"""Join trained networks to one model that predicts their mean (family ensemble). Nothing is trained."""

import json
import logging
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser):
    parser.add_argument("--name", required=True, help="name of the ensemble")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--members", nargs="+", required=True, metavar="CKPT", help="trained networks")
    parser.add_argument("--out", required=True, metavar="CKPT", help="checkpoint to write, with all members in it")


def run(args):
    from speechface.errors import ModelError
    from speechface.files import written_whole
    from speechface.networks.checkpoint import TrainedModel, load, save
    from speechface.networks.ensemble import join
    from speechface.provenance import provenance

    members = [load(path) for path in args.members]
    for path, member in zip(args.members, members):
        if not isinstance(member, TrainedModel):
            raise ModelError(f"{path}: is an ensemble itself; give its members")
    model = join(members, name=args.name, seed=args.seed)
    model.facts["provenance"] = provenance(members=[str(path) for path in args.members], seed=args.seed)
    save(args.out, model)
    facts = {"name": model.name, "seed": model.seed, "feature": model.feature, "columns": list(model.columns),
             "members": [{"name": m.name, "seed": m.seed} for m in members], **model.facts}  # fmt: skip
    with written_whole(Path(args.out).with_suffix(".json")) as temporary:
        Path(temporary).write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
    logging.info("%s: %d networks joined", args.name, len(members))
