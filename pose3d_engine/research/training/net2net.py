"""A trained network made larger without forgetting: more blocks, and a last filter that sees further.

Chen, Goodfellow, Shlens: Net2Net, accelerating learning via knowledge transfer, ICLR 2016. The added taps of a filter
are zero. An added block is a residual whose last norm is nearly zero, so that it gives next to nothing at first; not
zero, for behind a rectifier nothing would ever be learned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor
from torch.nn import functional

from ...pose.lifters.temporal import TemporalModel

WHISPER = 0.05
"""Scale of what an added block gives at first; the stream that it is added to has a scale of one."""


def grows_into(old: Sequence[int], new: Sequence[int]) -> bool:
    """Whether a network of filter widths ``old`` can become one of ``new``: all filters but the last one as wide as
    they were, for their widths are the dilations of those behind; the last one as wide or wider."""
    return len(old) <= len(new) and tuple(old[:-1]) == tuple(new[: len(old) - 1]) and old[-1] <= new[len(old) - 1]


def grown(state: Mapping[str, Tensor], old: Sequence[int], model: TemporalModel) -> dict[str, Tensor]:
    """Weights for ``model``, fresh and of as many channels, that compute nearly what ``state`` of filter widths ``old``
    does. Raises ValueError where ``grows_into`` does not hold."""
    if not grows_into(old, model.filter_widths):
        raise ValueError(f"filter widths {tuple(old)} do not grow into {model.filter_widths}")
    result = {key: value.clone() for key, value in model.state_dict().items()}
    for block in range(len(old) - 1, len(model.filter_widths) - 1):
        result[f"layers_bn.{2 * block + 1}.weight"].fill_(WHISPER)
    for key, value in state.items():
        more = (result[key].shape[-1] - value.shape[-1]) // 2 if value.ndim == 3 else 0
        result[key] = functional.pad(value, (more, more)) if more else value
    return result
