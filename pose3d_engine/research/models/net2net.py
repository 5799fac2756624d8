"""Net2Net: a trained network made larger without forgetting, with more blocks and a wider last filter.

Chen, Goodfellow, Shlens: Net2Net: Accelerating Learning via Knowledge Transfer, ICLR 2016. The added taps of a filter
are zero. An added block is a residual whose last norm is nearly zero, so that it contributes little at first. It is not
zero, because behind a rectifier nothing would ever be learned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor
from torch.nn import functional

from ...pose.lifters.temporal import TemporalModel

INITIAL_SCALE = 0.05
"""Scale of the output of an added block at first; the stream that it is added to has a scale of one."""


def can_expand(old: Sequence[int], new: Sequence[int]) -> bool:
    """Returns whether a network of filter widths ``old`` can become one of ``new``.

    All filters but the last one keep their width, because their widths are the dilations of the filters behind them;
    the last one is as wide or wider.
    """
    return len(old) <= len(new) and tuple(old[:-1]) == tuple(new[: len(old) - 1]) and old[-1] <= new[len(old) - 1]


def expanded(state: Mapping[str, Tensor], old: Sequence[int], model: TemporalModel) -> dict[str, Tensor]:
    """Makes weights of a larger network that compute nearly the same.

    Args:
        state: Weights of the smaller network.
        old: Its filter widths.
        model: The larger network with fresh weights and as many channels.

    Returns:
        Weights for ``model``.

    Raises:
        ValueError: :func:`can_expand` does not hold.
    """
    if not can_expand(old, model.filter_widths):
        raise ValueError(f"filter widths {tuple(old)} cannot be expanded to {model.filter_widths}")
    result = {key: value.clone() for key, value in model.state_dict().items()}
    for block in range(len(old) - 1, len(model.filter_widths) - 1):
        result[f"layers_bn.{2 * block + 1}.weight"].fill_(INITIAL_SCALE)
    for key, value in state.items():
        more = (result[key].shape[-1] - value.shape[-1]) // 2 if value.ndim == 3 else 0
        result[key] = functional.pad(value, (more, more)) if more else value
    return result
