"""The functions of nn.functional, one file per family; `framejit.nn.functional` re-exports them all.

Each function here is argument handling around ops of the table, or a composite of such ops. A function that
has exactly an op's signature is not repeated: `functional` takes the op itself.
"""
