"""The bidirectional LSTM against two LSTMs, one per direction."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.plugins.support import D, H, assert_close, build, models, sequences


def directions(core: nn.Module) -> tuple[nn.LSTM, nn.LSTM]:
    """Return the two directions of a single-layer bilstm as two LSTMs."""
    found = []
    for suffix in ("", "_reverse"):
        lstm = nn.LSTM(D, H, batch_first=True).double()
        state = {
            key: value
            for key, value in core.recurrence.state_dict().items()  # type: ignore[union-attr]
            if key.endswith("_l0" + suffix)
        }
        lstm.load_state_dict({key.removesuffix(suffix): value for key, value in state.items()})
        found.append(lstm)
    return found[0], found[1]


def both_ways(core: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    forward, backward = directions(core)
    return forward(x)[0], backward(x.flip(1))[0].flip(1)


def test_output_is_a_forward_and_a_backward_lstm_concatenated() -> None:
    core, x = build("bilstm"), sequences(2, 6)
    assert_close(core(x)[0], torch.cat(both_ways(core, x), dim=-1))
    assert core.output_size == 2 * H


def test_last_joins_the_last_valid_step_forward_and_the_first_step_backward() -> None:
    core, x, lengths = build("bilstm"), sequences(3, 6), [4, 6, 1]
    found = core.forward_last(x, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        forward, backward = both_ways(core, x[row : row + 1, :length])
        assert_close(found[row], torch.cat([forward[0, -1], backward[0, 0]]))


def test_last_without_lengths_reads_all_steps() -> None:
    core, x = build("bilstm", num_layers=2), sequences(2, 6)
    outputs, _ = core(x)
    assert_close(core.forward_last(x), torch.cat([outputs[:, -1, :H], outputs[:, 0, H:]], dim=-1))


def test_it_is_registered_as_looking_ahead() -> None:
    assert not models()["bilstm"].causal
    core, x = build("bilstm"), sequences(1, 5)
    changed = x.clone()
    changed[:, -1] += 1
    assert not torch.allclose(core(x)[0][:, 0], core(changed)[0][:, 0])


def test_a_state_passed_back_continues_the_forward_direction() -> None:
    core, x = build("bilstm"), sequences(1, 6)
    _, state = core(x[:, :4])
    continued, _ = core(x[:, 4:], state)
    assert_close(continued[..., :H], core(x)[0][:, 4:, :H])


@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4), layers=st.integers(1, 3))
@settings(deadline=None, max_examples=25)
def test_padded_sequences_give_what_packing_gives_in_outputs_and_gradients(
    lengths: list[int], layers: int
) -> None:
    core, x = build("bilstm", num_layers=layers), sequences(len(lengths), 6)
    x.requires_grad_()
    packed = pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    expected, _ = pad_packed_sequence(core.recurrence(packed)[0], batch_first=True, total_length=6)
    outputs, state = core(x, lengths=torch.tensor(lengths))
    assert state is None
    assert_close(outputs, expected)
    watched = [x, *core.parameters()]
    weights = torch.linspace(-1, 1, outputs.numel(), dtype=outputs.dtype).view_as(outputs)
    found = torch.autograd.grad((outputs * weights).sum(), watched)
    wanted = torch.autograd.grad((expected * weights).sum(), watched)
    for one, other in zip(found, wanted, strict=True):
        assert_close(one, other)


def test_a_padded_sequence_takes_no_state() -> None:
    core, x = build("bilstm"), sequences(2, 3)
    _, state = core(x)
    with pytest.raises(ValueError, match="either state or lengths"):
        core(x, state, lengths=torch.tensor([3, 2]))
