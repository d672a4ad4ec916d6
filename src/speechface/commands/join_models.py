"""Join trained networks to one model that predicts their mean (family ensemble). Nothing is trained."""

import logging
from argparse import ArgumentParser, Namespace

LOG = logging.getLogger(__name__)

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--name", required=True, help="name of the ensemble")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--members", nargs="+", required=True, metavar="CKPT", help="trained networks")
    parser.add_argument("--out", required=True, metavar="CKPT", help="model to write, with all members in it")


def run(args: Namespace) -> None:
    from speechface.commands.train_model import write_facts
    from speechface.networks.families import FAMILIES
    from speechface.networks.loading import load_model, save_model
    from speechface.provenance import provenance

    members = [load_model(path) for path in args.members]
    model = FAMILIES["ensemble"].join(members, args.name, args.seed)
    model.facts["provenance"] = provenance(members=[str(path) for path in args.members], seed=args.seed)
    model.facts["members"] = [{"name": member.name, "seed": member.seed} for member in members]
    save_model(args.out, model)
    write_facts(args.out, model)
    LOG.info("%s: %d networks joined", args.name, len(members))
