#!/usr/bin/env python3
"""Writes pkg/framejit/jit/operators.txt: the schemas of those of PyTorch's operators that framejit's jit can run.

PYTHON_WITH_TORCH tools/make_jit_operators.py --dump > schemas.txt
PYTHONPATH=pkg python tools/make_jit_operators.py schemas.txt
"""

import re
import sys
from pathlib import Path

OUT = Path(__file__).resolve().parent.parent / "pkg" / "framejit" / "jit" / "operators.txt"
HEAD = """\
# PyTorch's operators that framejit's jit can run, with PyTorch's schemas in PyTorch's order; tools/make_jit_operators.py writes it.
"""
# fast paths of PyTorch's layers, which archives name but do not take; calling one raises
NAMED_ONLY = (
    "aten::_native_multi_head_attention aten::_transformer_encoder_layer_fwd aten::_nested_tensor_from_mask "
    "aten::_nested_tensor_from_mask_left_aligned aten::to_padded_tensor aten::_upsample_bilinear2d_aa "
    "aten::_upsample_bicubic2d_aa aten::_upsample_lanczos2d_aa"
).split()
ALWAYS = ("prim::is_nested",)
NAMES_LEFT_OUT = re.compile(
    r"::_test|_backward|_out\b|\.out|quantized|mkldnn|cudnn|miopen|sparse_(?!dim)|_nested|_foreach|_fused|_copy_to|_values$|hacked_twin|_forward$"
    r"|static_runtime|_[vj]vp$"
)
LEFT_OUT = re.compile(
    r"Dimname|ConstQuantizer|QScheme|RRef|\.names|Tensor\([a-z]!\) (?:out|values|indices|U|Q|max|min|grad_input)\b"
)


def dump():
    import torch
    import torch._prims  # registers prims::

    names = sorted(
        {s.name for s in torch._C._jit_get_all_schemas() if s.name.startswith(("aten::", "prim::", "prims::"))}
        | {"prim::requires_grad", "prim::type"}
    )
    for name in names:
        for schema in torch._C._jit_get_schemas_for_operator(name):
            print(schema)


def write(path):
    from framejit.jit import operators, schema

    kept = []
    for line in Path(path).read_text().splitlines():
        name = line.partition("(")[0]
        if name in ALWAYS or name.partition(".")[0] in NAMED_ONLY and not name.endswith("out"):
            kept.append(line)
            continue
        result_given = re.search(r"\.(?:\w+_)?out$", name) and line.endswith("Tensor(a!) out) -> Tensor(a!)")
        plain = line.replace(", Tensor(a!) out", "") if result_given else line
        if "...) -> ..." in line or NAMES_LEFT_OUT.search(name.partition(".")[0] if result_given else name):
            continue
        if LEFT_OUT.search(plain):
            continue
        if operators.is_implemented(schema.parse(line)):
            kept.append(line)
    OUT.write_text(HEAD + "\n".join(kept) + "\n")
    print(len(kept), "operators")


if __name__ == "__main__":
    dump() if sys.argv[1] == "--dump" else write(sys.argv[1])
