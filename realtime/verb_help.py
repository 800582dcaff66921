"""The help page of a verb, from its declarations."""

from __future__ import annotations

from pydantic import BaseModel

from realtime.config import RunConfig, load_run_config
from realtime.flags import Flag, about, flags_of_function, flags_of_model
from realtime.help_page import HelpPage
from realtime.verbs import VERBS, Verb, load


def help_page(name: str) -> HelpPage:
    """Everything that `sealcap NAME --help` can say. Imports the verb's module."""
    verb = VERBS[name]
    if verb.model:
        model: type[BaseModel] = load(verb.model)
        text = about(load(verb.target) if name == "demo" else model)
        return HelpPage(name, text, _flags(model, verb), verb.sections, verb.examples)
    call = load(verb.target)
    return HelpPage(name, about(call), list(flags_of_function(call)), verb.sections, verb.examples)


def _flags(model: type[BaseModel], verb: Verb) -> list[Flag]:
    """With the defaults of the verb's packaged configuration where the model takes it as it is."""
    if not verb.config or model is not RunConfig:
        return list(flags_of_model(model))
    default = load_run_config(verb.config).model_copy(update={"config": verb.config})
    return list(flags_of_model(model, default))
