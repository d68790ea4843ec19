"""A whole page in a frame of its own, which gets what changes through Panel's messages: in a notebook's cell, or in any application."""

from collections.abc import Callable
from typing import Any

import panel as pn
import param

from dashboards.serving.link import Link
from dashboards.source.port import Source


class Frame(pn.custom.JSComponent):
    """Shows `html`; without it, serves the frame of this `token` that stands in the notebook already, so that what is saved there shows
    itself without a kernel."""

    token = param.String(doc="which frame it is; the page inside knows it, too")
    html = param.String(doc="the page as one file")
    title = param.String(doc="what readers of screens are told")

    _esm = """
    export function render({ model, el }) {
      let frame = null;
      if (model.html) {
        frame = Object.assign(document.createElement("iframe"), { title: model.title, srcdoc: model.html });
        frame.setAttribute("sandbox", "allow-scripts allow-popups");
        frame.style.cssText = "width:100%;height:100%;border:0;border-radius:6px";
        el.append(frame);
      }
      const there = () => document.querySelector(`iframe[data-tapebook="${model.token}"]`);
      const inside = () => (frame?.isConnected || model.html ? frame : (frame = there()))?.contentWindow;
      const heard = ({ data, source }) => { if (data?.tapebook === model.token && source === inside()) model.send_msg(data.text); };
      window.addEventListener("message", heard);
      // some versions of Panel give the message, some an event around it
      model.on("msg:custom", (said) => inside()?.postMessage({ tapebook: model.token, text: said?.data ?? said }, "*"));
      model.on("remove", () => window.removeEventListener("message", heard));
    }
    """

    def __init__(self, make: Callable[[], Source] | None = None, **params: Any) -> None:
        super().__init__(**params)
        self.carrier = Link(make, self._send_msg) if make is not None else None

    def _handle_msg(self, data: Any) -> None:
        if self.carrier is not None and isinstance(data, str):
            self.carrier.heard(data)
