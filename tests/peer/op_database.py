"""Runs PyTorch's own operator test database on framejit and counts the (op, dtype, sample) triples that agree.

    python -m tests.peer.op_database [--mode eager|compiled|dynamic] [--samples 3] [--ops fft,linalg.eig] [--json FILE]

torch is the reference: it makes the samples and the results; both libraries get the same values in the same layouts.
A triple agrees if dtype, sizes and values are torch's, or if both raise and framejit's error is of torch's type. A miss
has a cause: `name` (framejit lacks it), `raises` (torch does not), `accepts` (torch raises), `error` (another type),
`dtype`, `size`, `value`, `crash`, `time`; gradients (`grad ...`) and the database's error inputs (`errors`) are counted
apart. In the compiled modes a counter says how often machine code gave the result (no fall-back to the interpreter, and no
reference executor, which FRAMEJIT_ISA=ref alone would choose). Every op runs in a process of its own, so that a crash costs one op and is seen.
"""

import argparse
import collections
import json
import os
import random
import select
import signal
import sys
import time
import warnings

DTYPES = ("float32", "float64", "int64", "bool", "bfloat16", "complex64")
# Not dense on the CPU, or made for one accelerator (torch itself runs no sample of these here), or of a missing dtype.
LEFT_OUT = {
    "jiterator_unary": "compiles CUDA source",
    "jiterator_binary": "compiles CUDA source",
    "jiterator_4inputs_with_extra_args": "compiles CUDA source",
    "jiterator_binary_return_by_ref": "compiles CUDA source",
    "jiterator_2inputs_2outputs": "compiles CUDA source",
    "chalf": "makes complex32, a dtype that framejit does not have",
    "torch._scaled_mm_v2": "float8 matrices of accelerators",
    "torch._scaled_mm": "float8 matrices of accelerators",
    "torch.ops.aten._flash_attention_forward": "a CUDA kernel",
    "torch.ops.aten._efficient_attention_forward": "a CUDA kernel",
}
# With fullgraph=True torch.compile refuses these, too.
LEFT_OUT_COMPILED = {
    "resize_": "changes the sizes of a tensor in place",
    "resize_as_": "changes the sizes of a tensor in place",
    "to_sparse": "sparse tensors in a whole graph",
    "sparse.sampled_addmm": "sparse tensors in a whole graph",
    "sparse.mm": "sparse tensors in a whole graph",
}


# What --inputs makes of the tensors of a sample; PyTorch says whether the op takes that.
FORMS = {
    "strided": "other strides than dense ones",
    "broadcast": "the first row of each, expanded to the sizes of all",
    "empty": "without the elements of the first dimension",
    "0-d": "the first element of each",
}


def left_out(options):
    return LEFT_OUT if options.mode == "eager" else {**LEFT_OUT, **LEFT_OUT_COMPILED}


def spread(samples, count):
    """`count` of the samples, evenly spread over the first of them; all for 0."""
    taken = []
    for sample in samples:
        taken.append(sample)
        if count and len(taken) >= 20 * count:
            break
    if not count or len(taken) <= count:
        return list(enumerate(taken))
    return [(i, taken[i]) for i in sorted({round(k * (len(taken) - 1) / max(1, count - 1)) for k in range(count)})]


def child(op, options, out):
    """Runs one op and writes a line of JSON for each triple before (`start`) and after it."""
    import framejit

    from tests.peer.op_database_compare import Comparison

    def say(**fields):
        out.write(json.dumps(fields) + "\n")
        out.flush()

    comparison = Comparison(op, options, lambda library: say(turn=library))
    for dtype in options.dtypes:
        for kind, index, run in comparison.triples(dtype, lambda s: spread(s, options.samples)):
            say(start=True, dtype=dtype, kind=kind, index=index)
            before = framejit.counters()
            cause, text = run()
            after = framejit.counters()
            native = after["hits"] > before["hits"] and after["fallbacks"] == before["fallbacks"]
            say(dtype=dtype, kind=kind, index=index, cause=cause, text=text[:400], native=native)


def run_op(op, options):
    """The records of one op, run in a forked process."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        null = os.open(os.devnull, os.O_WRONLY)
        if not options.verbose:
            os.dup2(null, 2)
        code = 1
        try:
            warnings.simplefilter("ignore")
            child(op, options, os.fdopen(write, "w"))
            code = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        os._exit(code)
    os.close(write)
    data, deadline = b"", time.monotonic() + options.seconds
    while True:
        ready, _, _ = select.select([read], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            os.kill(pid, signal.SIGKILL)
            break
        piece = os.read(read, 1 << 16)
        if not piece:
            break
        data += piece
        deadline = time.monotonic() + options.seconds
    os.close(read)
    _, status = os.waitpid(pid, 0)
    records, open_, turn = [], None, ""
    for line in data.decode().splitlines():
        record = json.loads(line)
        if "turn" in record:
            turn = record["turn"]
        elif record.pop("start", False):
            open_ = record
        else:
            records.append(record)
            open_ = None
    if open_ is not None:
        died = os.WIFSIGNALED(status)
        late = died and os.WTERMSIG(status) == signal.SIGKILL
        cause = "no reference" if turn == "torch" else "time" if late else "crash"
        records.append({**open_, "cause": cause, "text": f"ended by signal {os.WTERMSIG(status)}" if died else "ended"})
    elif status:
        records.append({"dtype": "-", "kind": "value", "index": -1, "cause": "runner", "text": f"status {status}"})
    label = op.name + ("." + op.variant_test_name if op.variant_test_name else "")
    return [{**r, "op": label} for r in records]


def report(records, options):
    print(f"\n== {options.mode}: share of triples that agree")
    without = sum(r["cause"] == "no reference" for r in records)
    records = [r for r in records if r["cause"] != "no reference"]
    print(f"not counted: {without} triples that torch itself fails for a reason of its own")
    for kind in ("value", "grad", "errors"):
        cells = []
        for dtype in (*options.dtypes, None):
            mine = [r for r in records if r["kind"] == kind and dtype in (r["dtype"], None)]
            good = sum(r["cause"] == "agrees" for r in mine)
            cells.append(f"{dtype or 'all'} {good}/{len(mine)} {100 * good / max(1, len(mine)):.2f}%")
        print(f"{kind:7}", "  ".join(cells))
    if options.mode != "eager":
        mine = [r for r in records if r["kind"] != "errors" and r["cause"] == "agrees" and "native" in r]
        native = sum(r["native"] for r in mine)
        print(f"native kernels ran in {native} of {len(mine)} that agree: {100 * native / max(1, len(mine)):.2f}%")
    misses = [r for r in records if r["cause"] != "agrees"]
    causes = collections.Counter((r["kind"], r["cause"]) for r in misses)
    ops = collections.defaultdict(collections.Counter)
    texts = {}
    for r in misses:
        ops[r["kind"], r["cause"]][r["op"]] += 1
        texts.setdefault((r["kind"], r["cause"], r["op"]), f"{r['dtype']} {r['index']}: {r['text']}")
    for key, count in causes.most_common():
        print(f"\n-- {key[0]}, {key[1]}: {count}")
        for op, n in ops[key].most_common():
            print(f"  {n:4} {op}: {texts[(*key, op)]}"[:260])
    left = left_out(options)
    print(f"\nleft out: {len(left)} ops: " + "; ".join(f"{op} ({why})" for op, why in left.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mode", default="eager", choices=("eager", "compiled", "dynamic"))
    parser.add_argument("--samples", type=int, default=3, help="for each op and dtype; 0: all")
    parser.add_argument("--ops", default="", help="names or beginnings, with commas between")
    parser.add_argument("--exact", action="store_true", help="names of --ops must be equal")
    parser.add_argument("--dtypes", default=",".join(DTYPES))
    parser.add_argument("--kinds", default="value,grad,errors")
    parser.add_argument(
        "--inputs", default="as they are", choices=("as they are", *FORMS), help="what becomes of the samples' tensors"
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="that one triple may take")
    parser.add_argument("--json", help="write all records there, one a line, as they come")
    parser.add_argument("--read", help="report on records written before")
    parser.add_argument("--order", type=int, help="seed of a shuffled order, of which any part is a fair sample")
    parser.add_argument("--verbose", action="store_true", help="do not hide what children write to stderr")
    options = parser.parse_args()
    options.dtypes = options.dtypes.split(",")
    options.kinds = options.kinds.split(",")
    if options.read:
        with open(options.read) as f:
            return report([json.loads(line) for line in f], options)

    import torch
    from torch.testing._internal.common_methods_invocations import op_db

    from tests.peer.op_database_compare import prepare

    prepare()
    torch.set_num_threads(1)
    wanted = [name for name in options.ops.split(",") if name]
    records = []
    out = open(options.json, "w") if options.json else None
    ops = list(op_db)
    if options.order is not None:
        random.Random(options.order).shuffle(ops)
    for op in ops:
        matches = (lambda w, n=op.name: n == w) if options.exact else (lambda w, n=op.name: n.startswith(w))
        if op.name in left_out(options) or (wanted and not any(map(matches, wanted))):
            continue
        mine = run_op(op, options)
        records += mine
        if out:
            out.writelines(json.dumps(r) + "\n" for r in mine)
            out.flush()
        print(".", end="", file=sys.stderr, flush=True)
    report(records, options)


if __name__ == "__main__":
    main()
