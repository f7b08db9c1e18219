"""Completion scripts, made from the parser itself, so that they never lag behind it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SHELLS = ("bash", "zsh", "fish")


@dataclass(frozen=True)
class Option:
    """An option or positional argument of one command.

    `flags` is empty for a positional; `kind` is `spec`, `file`, `folder` or empty.
    """

    flags: tuple[str, ...]
    help: str
    takes_value: bool
    choices: tuple[str, ...]
    kind: str
    is_repeatable: bool


@dataclass(frozen=True)
class Command:
    """A command with its arguments."""

    name: str
    summary: str
    options: tuple[Option, ...]

    @property
    def flags(self) -> list[str]:
        """Every flag, long ones first."""
        found = [flag for option in self.options for flag in option.flags]
        return sorted(found, key=lambda flag: (not flag.startswith("--"), flag))

    @property
    def positionals(self) -> list[Option]:
        """The arguments without a flag."""
        return [option for option in self.options if not option.flags]


def describe(parser: argparse.ArgumentParser) -> list[Command]:
    """The commands of the full parser."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            summaries = {choice.dest: choice.help or "" for choice in action._choices_actions}
            return [
                Command(name, summaries[name], tuple(_options(command)))
                for name, command in action.choices.items()
            ]
    return []


def _options(parser: argparse.ArgumentParser) -> Iterator[Option]:
    for action in parser._actions:
        yield Option(
            flags=tuple(action.option_strings),
            help=" ".join((action.help or "").split()).replace("%%", "%"),
            takes_value=action.nargs != 0,
            choices=tuple(map(str, action.choices or ())),
            kind=getattr(action, "completes", ""),
            is_repeatable=action.nargs == "+" or isinstance(action, argparse._AppendAction),
        )


def script(shell: str, commands: Sequence[Command]) -> str:
    """The script for `shell`, one of `SHELLS`."""
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](commands)


# bash


def _bash(commands: Sequence[Command]) -> str:
    names = " ".join(command.name for command in commands)
    lines = [
        "# bash completion for synthdsl",
        "_synthdsl() {",
        '    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}"',
        '    local command="" i',
        "    COMPREPLY=()",
        "    for ((i = 1; i < COMP_CWORD; i++)); do",
        '        [[ ${COMP_WORDS[i]} != -* ]] && { command="${COMP_WORDS[i]}"; break; }',
        "    done",
        '    case "$command:$before" in',
    ]
    for command in commands:
        for option in command.options:
            if option.flags and option.takes_value:
                patterns = "|".join(f"{command.name}:{flag}" for flag in option.flags)
                lines.append(f"        {patterns}) {_bash_values(option)} return ;;")
    lines += ["    esac", '    case "$command" in']
    lines.append(f'        "") _synthdsl_words "{names} --help --version" ;;')
    for command in commands:
        flags = " ".join(command.flags)
        lines.append(f"        {command.name})")
        lines.append(f'            if [[ $word == -* ]]; then _synthdsl_words "{flags}"')
        first = command.positionals[0] if command.positionals else None
        lines.append(f"            else {_bash_values(first) if first else ':;'} fi ;;")
    lines += [
        "    esac",
        "}",
        "_synthdsl_words() {",
        '    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$word")',
        "}",
        "_synthdsl_specs() {",
        "    compopt -o filenames 2> /dev/null",
        '    mapfile -t COMPREPLY < <(compgen -f -X "!*.synth" -- "$word"; compgen -d -- "$word")',
        "}",
        "_synthdsl_paths() {",
        "    compopt -o filenames 2> /dev/null",
        '    mapfile -t COMPREPLY < <(compgen "$1" -- "$word")',
        "}",
        "complete -F _synthdsl synthdsl",
    ]
    return "\n".join(lines) + "\n"


def _bash_values(option: Option) -> str:
    if option.choices:
        return f'_synthdsl_words "{" ".join(option.choices)}";'
    return {
        "spec": "_synthdsl_specs;",
        "file": "_synthdsl_paths -f;",
        "folder": "_synthdsl_paths -d;",
    }.get(option.kind, ":;")


# zsh


def _zsh(commands: Sequence[Command]) -> str:
    lines = [
        "#compdef synthdsl",
        "_synthdsl() {",
        "  local curcontext=$curcontext state line",
        "  local -a commands",
        "  commands=(",
    ]
    lines += [f"    {_zsh_quote(f'{c.name}:{c.summary}')}" for c in commands]
    lines += [
        "  )",
        "  _arguments -C '--help[show help]' '--version[show the version]' "
        "'1:command:->command' '*::argument:->argument'",
        "  case $state in",
        "    command) _describe command commands ;;",
        "    argument)",
        "      case $words[1] in",
    ]
    for command in commands:
        specs = [_zsh_option(option) for option in command.options if option.flags]
        specs += [_zsh_positional(option) for option in command.positionals]
        lines.append(f"        {command.name}) _arguments {' '.join(specs)} ;;")
    lines += [
        "      esac ;;",
        "  esac",
        "}",
        "if [[ $funcstack[1] == _synthdsl ]]",
        'then _synthdsl "$@"; else compdef _synthdsl synthdsl; fi',
    ]
    return "\n".join(lines) + "\n"


def _zsh_option(option: Option) -> str:
    help_ = option.help.replace("[", "(").replace("]", ")").replace(":", " -")
    value = f":value:{_zsh_values(option)}" if option.takes_value else ""
    described = "".join(("[", help_, "]", value))
    if len(option.flags) == 1:
        mark = "*" if option.is_repeatable else ""
        return _zsh_quote(mark + option.flags[0] + described)
    group = " ".join(option.flags)
    return f"'({group})'{{{','.join(option.flags)}}}{_zsh_quote(described)}"


def _zsh_positional(option: Option) -> str:
    mark = "*" if option.is_repeatable else ""
    return _zsh_quote(f"{mark}:argument:{_zsh_values(option)}")


def _zsh_values(option: Option) -> str:
    if option.choices:
        return f"({' '.join(option.choices)})"
    return {
        "spec": '_files -g "*.synth(-.)"',
        "file": "_files",
        "folder": "_files -/",
    }.get(option.kind, " ")


def _zsh_quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


# fish


def _fish(commands: Sequence[Command]) -> str:
    lines = [
        "# fish completion for synthdsl",
        "complete -c synthdsl -f",
        "complete -c synthdsl -n __fish_use_subcommand -l help -d 'show help'",
        "complete -c synthdsl -n __fish_use_subcommand -l version -d 'show the version'",
    ]
    lines += [
        f"complete -c synthdsl -n __fish_use_subcommand -a {c.name} -d {_fish_quote(c.summary)}"
        for c in commands
    ]
    for command in commands:
        seen = f"-n '__fish_seen_subcommand_from {command.name}'"
        lines += [f"complete -c synthdsl {seen} {_fish_option(o)}" for o in command.options]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _fish_option(option: Option) -> str:
    words = [
        f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags
    ]
    values = ""
    if option.choices:
        values = f"-a {_fish_quote(' '.join(option.choices))}"
    elif option.kind == "spec":
        values = "-a '(__fish_complete_suffix .synth)'"
    elif option.kind == "folder":
        values = "-a '(__fish_complete_directories)'"
    elif option.kind == "file":
        values = "-F"
    if option.flags and option.takes_value:
        words.append("-x" if values != "-F" else "-r")
    return " ".join([*words, values, f"-d {_fish_quote(option.help)}"]).replace("  ", " ")


def _fish_quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
