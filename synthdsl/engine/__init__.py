"""Plan to columns: base draws, expression evaluation with nulls, samplers, blocks, workers."""

import numpy as _np

# glibc hands back memory to the system after each freed array of 128 KiB, which is the size of
# a block's column; one larger array, freed at once, raises that threshold for the process.
_np.empty(31 << 20, _np.uint8)
