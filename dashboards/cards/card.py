"""A card of Panel that one ES module of ours fills: the module has one socket for all cards of a page."""

import panel as pn
import param

MODULE = "/dash/assets/js/tapebook.mjs"


class Card(pn.custom.JSComponent):
    """A part of a page. Its content stands in the page itself, not in a shadow tree of its own, so that a script finds each
    `data-field` with `document.querySelector`, and one style sheet serves all cards."""

    kind = param.String(doc="which of the module's cards it is: the name under which `tapebook.mjs` registers it")
    options = param.Dict(default={}, doc="what the card is told, as JSON")
    module = param.String(default=MODULE, doc="where the module is served")

    _esm = """
    // the browser's own import: Panel's would load a second copy of each module, with a socket of its own
    const load = new Function("address", "return import(address)");
    export async function render({ model, el }) {
      const { mount } = await load(new URL(model.module, document.baseURI).href);
      return mount(model.kind, el, model.options, model);
    }
    """


def card(kind: str, **options: object) -> Card:
    """A card that fills its cell."""
    return Card(kind=kind, options=options, sizing_mode="stretch_both", margin=0)
