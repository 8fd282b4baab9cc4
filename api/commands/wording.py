"""click's own sentences in Chinese: its ``gettext`` names are pointed at our messages.

click looks its sentences up in the language of the process, which on an inspector's laptop is often C or English, and
only in compiled catalogues. Its modules hold ``_`` and ``ngettext`` as names of their own, so these are replaced; a
sentence that is not listed stays as click has it.
"""

from __future__ import annotations

from collections.abc import Iterable

import click.core
import click.exceptions
import click.formatting
import click.parser
import click.termui
import click.types
from click import decorators

from api.commands.tables import cells
from config.messages import catalogue

MODULES = (click.core, decorators, click.exceptions, click.formatting, click.parser, click.termui, click.types)

CODES = {
    "Usage:": "usage.usage",
    "Error: {message}": "usage.error",
    "Try '{command} {option}' for help.": "usage.try_help",
    "Options": "usage.options",
    "Positional arguments": "usage.positional",
    "Commands": "usage.commands",
    "Show this message and exit.": "usage.show_help",
    "Show the version and exit.": "usage.show_version",
    "%(prog)s, version %(version)s": "usage.version_line",
    "file": "usage.file",
    "directory": "usage.directory",
    "path": "usage.path",
    "Invalid value: {message}": "usage.invalid_value",
    "Invalid value for {param_hint}: {message}": "usage.invalid_value_for",
    "Missing argument": "usage.missing_argument",
    "Missing option": "usage.missing_option",
    "Missing parameter": "usage.missing_parameter",
    "Missing command.": "usage.missing_command",
    "No such option {name!r}.": "usage.no_such_option",
    "No such command {name!r}.": "usage.no_such_command",
    "Did you mean {possibility}?": "usage.did_you_mean",
    "(Did you mean one of: {possibilities}?)": "usage.did_you_mean",
    "Got unexpected extra argument ({args})": "usage.extra_arguments",
    "Got unexpected extra arguments ({args})": "usage.extra_arguments",
    "Option {name!r} requires an argument.": "usage.option_needs_one_value",
    "Option {name!r} requires {nargs} arguments.": "usage.option_needs_value",
    "Option {name!r} does not take a value.": "usage.option_takes_no_value",
    "Argument {name!r} takes {nargs} values.": "usage.argument_takes",
    "{value!r} is not a valid {number_type}.": "usage.not_a_number",
    "{value} is not in the range {range}.": "usage.not_in_range",
    "{value!r} is not {choice}.": "usage.not_one_of",
    "{value!r} is not one of {choices}.": "usage.not_one_of",
    "{value!r} does not match the format {format}.": "usage.not_that_format",
    "{value!r} does not match the formats {formats}.": "usage.not_that_format",
    "Choose from:\n\t{choices}": "usage.choose_from",
    "{name} {filename!r} does not exist.": "usage.does_not_exist",
    "{name} {filename!r} is a file.": "usage.is_a_file",
    "{name} {filename!r} is a directory.": "usage.is_a_directory",
    "{name} {filename!r} is not readable.": "usage.is_not_readable",
    "{name} {filename!r} is not writable.": "usage.is_not_writable",
    "Could not open file {filename!r}: {message}": "usage.cannot_open",
    "Repeat for confirmation": "usage.repeat",
    "Error: The two entered values do not match.": "usage.do_not_match",
    "default: {default}": "usage.default",
    "required": "usage.required",
    "Aborted!": "usage.aborted",
}


def translate(sentence: str) -> str:
    """The Chinese template of one of click's templates, with the same placeholders."""
    return catalogue()[CODES[sentence]] if sentence in CODES else sentence


def translate_plural(singular: str, plural: str, count: int) -> str:
    """The template for ``count``; Chinese has one, but click's placeholders may differ between its two."""
    return translate(singular if count == 1 else plural)


def name_parameters(commands: Iterable[click.Command]) -> None:
    """Give every argument and option that has no name of its own for people a Chinese one, groups included."""
    words = catalogue()
    for command in commands:
        command.short_help = command.short_help or _first_sentence(command)
        command.options_metavar = words["usage.options_metavar"]
        for parameter in command.params:
            if parameter.metavar is None and not isinstance(parameter.type, click.Choice):
                parameter.metavar = _metavar(parameter)
        if isinstance(command, click.Group):
            command.subcommand_metavar = words["usage.command_metavar"]
            name_parameters(command.commands.values())


def _first_sentence(command: click.Command) -> str:
    """click cuts help at a blank, and leaves a Chinese sentence that is too long out as a whole."""
    return (command.help or "").strip().partition("\n")[0]


def _metavar(parameter: click.Parameter) -> str | None:
    words, name = catalogue(), str(parameter.name)
    if isinstance(parameter, click.Option):
        return None if parameter.is_flag else words.get(f"usage.type_{parameter.type.name.split()[0]}")
    codes = (f"usage.argument_{name}", f"label.field.{name}", f"column.{name}")
    found = next((words[code] for code in codes if code in words), name.upper())
    found = found if parameter.required else f"[{found}]"
    return found if parameter.nargs == 1 else f"{found}…"


def install() -> None:
    """Point click's look-ups here."""
    setattr(click.formatting, "term_len", cells)  # noqa: B010  Chinese takes two cells; click counts characters
    for module in MODULES:
        for name, ours in (("_", translate), ("ngettext", translate_plural)):
            if hasattr(module, name):
                setattr(module, name, ours)
