"""What to type in place of a command that cannot be read."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from rnnbench.errors import MESSAGE_LIMIT, RnnbenchError

if TYPE_CHECKING:
    from rnnbench.contract.registry import RegisteredModel, RegisteredTask, Registry

_ASSIGNMENT = re.compile(r"([A-Za-z][\w-]*)=(.*)", re.DOTALL)
_SUGGESTION = re.compile(r"Did you mean '([^']+)'\?")
_NAMED = ("task", "model", "suite")
"""Options of ``rnnbench run`` that a word without an option may be meant for, in this order."""


class _NoAdviceError(Exception):
    """A word for which nothing can be suggested."""


class Command(click.Command):
    """A command whose errors state what to type instead.

    Options are recognised in another spelling, by a near name, and by their names in other tools.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; an error is raised again with advice."""
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.MissingParameter as error:
            raise _with_advice(error, self.arranged(given), ctx) from None
        except click.BadParameter as error:
            raise _with_advice(error, _mended(given, error), ctx) from None
        except click.BadOptionUsage as error:
            raise _with_advice(error, None, ctx) from None
        except click.UsageError as error:
            # A word that is unknown, or one too many.
            arranged = self.arranged(given)
            if arranged is not None:
                raise _with_advice(error, arranged, ctx) from None
            try:
                words, reason = Rewriting(self.get_params(ctx)).rewritten(given)
            except (_NoAdviceError, RnnbenchError):
                raise _with_advice(error, None, ctx) from None
            raise _with_advice(click.UsageError(reason), words, ctx) from None

    def arranged(self, words: Sequence[str]) -> list[str] | None:
        """Return the arguments as the command takes them, where only their form is wrong."""
        del words
        return None


def _with_advice(
    error: click.UsageError, words: Sequence[str] | None, ctx: click.Context
) -> click.UsageError:
    """Return an error that ends with the command to type, or with how to see the options."""
    text = error.format_message().rstrip()
    if "Type: " in text:
        return click.UsageError(text, ctx)
    text = text if text.endswith((".", "?", "!")) else f"{text}."
    command = shlex.join([*ctx.command_path.split(), *(words or ())])
    if words is None or len(text) + len(command) > MESSAGE_LIMIT - 20:
        command = f"{ctx.command_path} --help"
    return click.UsageError(f"{text} Type: {command}", ctx)


def _mended(words: Sequence[str], error: click.BadParameter) -> list[str] | None:
    """Return the words with the value that the error suggests in place of the wrong one."""
    suggested = _SUGGESTION.search(error.message)
    flags = error.param.opts if error.param else ()
    is_option = isinstance(error.param, click.Option)
    mended = list(words)
    for place, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if suggested and flag in flags and equals:
            mended[place] = f"{flag}={_with_suggestion(value, suggested)}"
            return mended
        if suggested and flag in flags and place + 1 < len(words):
            mended[place + 1] = _with_suggestion(words[place + 1], suggested)
            return mended
        if suggested and not is_option and error.message.startswith(f"{word!r} "):
            mended[place] = suggested[1]
            return mended
    return None


def _with_suggestion(value: str, suggested: re.Match[str]) -> str:
    """Return ``sgd[momentum=1]`` for ``sgd[momentun=1]``, of which only a part is wrong."""
    quoted = re.findall(r"'([^']+)'", suggested.string[: suggested.start()])
    if "[" in value and quoted and quoted[-1] in value:
        return value.replace(quoted[-1], suggested[1], 1)
    return suggested[1]


class Rewriting:
    """Rewrites the words of a command with options that it has.

    Args:
        parameters: of the command.
    """

    def __init__(self, parameters: Sequence[click.Parameter]) -> None:
        self._flags = {
            flag: parameter
            for parameter in parameters
            if isinstance(parameter, click.Option)
            for flag in parameter.opts
        }
        self._names = [flag.removeprefix("--") for flag in self._flags if flag.startswith("--")]
        self._named = all(each in self._names for each in _NAMED)
        self._known: Registry | None = None
        self._words: list[str] = []
        self._inline: dict[str, str] = {}
        self._reasons: list[str] = []

    def rewritten(self, words: Sequence[str]) -> tuple[list[str], str]:
        """Return the words to type instead, and what is wrong with the first wrong one.

        Raises:
            _NoAdviceError: there is a word for which nothing can be suggested.
        """
        rest = list(words)
        while rest:
            word = rest.pop(0)
            flag = word.partition("=")[0] if word.startswith("--") else word[:2]
            # Of -lr and -mlstm, only the second is a letter with its value.
            letter = not word.startswith("--") and f"-{word}".partition("=")[0] in self._flags
            known = flag in self._flags and not letter
            if word.startswith("-") and known:
                self._copy(word, rest)
            elif word.startswith("-") and len(word) > 1:
                self._option(word, rest)
            elif _ASSIGNMENT.fullmatch(word):
                self._option(f"--{word}", rest)
            else:
                self._positional(word)
        if self._inline:
            self._insert()
        if not self._reasons:
            raise _NoAdviceError
        return self._words, self._reasons[0]

    def _copy(self, word: str, rest: list[str]) -> None:
        self._words.append(word)
        flag, equals, _ = word.partition("=")
        parameter = self._flags.get(flag)
        if parameter is not None and _takes_value(parameter) and not equals and rest:
            self._words.append(rest.pop(0))

    def _option(self, word: str, rest: list[str]) -> None:
        from rnnbench.plan.foreign import normalised, replacement

        flag, equals, attached = word.partition("=")
        key = normalised(flag)
        if key in self._names:
            self._reasons.append(f"there is no option {flag!r}.")
            self._add(key, attached if equals else self._value(key, rest))
        elif found := replacement(key, self._names):
            why = f" {found.why}." if found.why else ""
            self._reasons.append(f"there is no option {flag!r}.{why}")
            value: str | None = attached if equals else None
            if found.switch:
                # --gpus 1 is a count
                if rest and rest[0].isdecimal():
                    rest.pop(0)
            elif not equals and _is_value(rest):
                value = rest.pop(0)
            if found.option:
                self._add(found.option, found.translated(value))
        elif name := self._inline_name(key):
            self._reasons.append(f"{name!r} is an option of a model or task, which is set inline.")
            value = attached if equals else rest.pop(0) if _is_value(rest) else "true"
            self._inline[name] = value
        elif near := difflib.get_close_matches(key, self._names, n=1, cutoff=0.6):
            self._reasons.append(f"there is no option {flag!r}. Did you mean '--{near[0]}'?")
            self._add(near[0], attached if equals else self._value(near[0], rest))
        else:
            raise _NoAdviceError

    def _value(self, name: str, rest: list[str]) -> str | None:
        takes = _takes_value(self._flags[f"--{name}"])
        return rest.pop(0) if takes and _is_value(rest) else None

    def _add(self, name: str, value: str | None) -> None:
        takes = _takes_value(self._flags[f"--{name}"])
        if takes and value is None:
            raise _NoAdviceError
        self._words += [f"--{name}", str(value)] if takes else [f"--{name}"]

    # -- words without an option, and options of models and tasks; for ``rnnbench run`` only

    @property
    def _registry(self) -> Registry:
        from rnnbench.contract import registry

        if self._known is None:
            self._known = registry.load()
        return self._known

    def _positional(self, word: str) -> None:
        if not self._named:
            self._words.append(word)
            return
        from rnnbench.errors import near_name
        from rnnbench.plan.suites import shipped
        from rnnbench.records.syntax import parse_selectors, spelled

        known: dict[str, Mapping[str, object]] = {
            "task": self._registry.tasks,
            "model": self._registry.models,
            "suite": shipped(),
        }
        selectors = parse_selectors([word])
        for kind, names in known.items():
            found = [near_name(selector.pattern, names) for selector in selectors]
            if word.endswith((".yaml", ".yml")):
                kind, spelling = "suite", word
            elif all(found):
                spelling = ",".join(
                    spelled(name, selector.options)
                    for name, selector in zip(map(str, found), selectors, strict=True)
                )
            else:
                continue
            self._reasons.append(f"{word!r} is a {kind} and needs the option --{kind}.")
            place = self._words[-2:-1]
            if kind != "suite" and place and self._named_by(place[0]) == kind:
                self._words[-1] += f",{spelling}"
            else:
                self._words += [f"--{kind}", spelling]
            return
        raise _NoAdviceError

    def _named_by(self, flag: str) -> str:
        parameter = self._flags.get(flag)
        return parameter.opts[-1].removeprefix("--") if parameter else ""

    def _inline_name(self, key: str) -> str | None:
        """Return the option of a model or task that is meant, if a model or task was named."""
        if not self._named or not self._words:
            return None
        from rnnbench.plan.foreign import INLINE

        name = key.replace("-", "_")
        members = [*self._registry.models.values(), *self._registry.tasks.values()]
        known = {option for member in members for option in member.options}
        candidate = name if name in known else INLINE.get(name)
        return candidate if candidate in known else None

    def _insert(self) -> None:
        """Set the collected options inline, of the models or else of the tasks that have them."""
        for name, value in self._inline.items():
            if not (self._set("model", name, value) or self._set("task", name, value)):
                raise _NoAdviceError

    def _set(self, kind: str, name: str, value: str) -> bool:
        from rnnbench.plan.planning import families_of
        from rnnbench.records.suite import DEFAULT_MODELS
        from rnnbench.records.syntax import expand, parse_selectors, spelled

        members: dict[str, Any] = dict(
            self._registry.models if kind == "model" else self._registry.tasks
        )
        places = [
            place + 1 for place, word in enumerate(self._words) if self._named_by(word) == kind
        ]
        if not places and kind == "model":
            usual = [members[each] for each in DEFAULT_MODELS if each in members]
            if not any(name in member.options for member in usual):
                return False
            self._words += ["--model", ",".join(DEFAULT_MODELS)]
            places = [len(self._words) - 1]
        families = families_of(self._registry) if kind == "model" else None
        done = False
        for place in places:
            parts = []
            for selector in parse_selectors([self._words[place]]):
                for each in expand(kind, selector.pattern, sorted(members), families):
                    member: RegisteredModel | RegisteredTask | None = members.get(each)
                    has = member is not None and name in member.options
                    parts.append((each, selector.options, has))
            if any(has for *_, has in parts):
                done = True
                self._words[place] = ",".join(
                    spelled(each, (*options, (name, (value,))) if has else options)
                    for each, options, has in parts
                )
        return done


def _takes_value(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Option) and not parameter.is_flag


def _is_value(rest: Sequence[str]) -> bool:
    return bool(rest) and (not rest[0].startswith("-") or rest[0][1:2].isdecimal())
