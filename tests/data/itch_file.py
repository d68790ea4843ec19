"""ITCH 5.0 messages written by hand, for tests."""

import struct

LETTERS = {"BUY": b"B", "SELL": b"S"}


class ItchFile:
    """Messages in the order in which they are told; `blob` puts them behind their lengths."""

    def __init__(self, symbols=("AAPL",)):
        self.messages, self.symbols = [], list(symbols)
        self.say("S", 0, 1, b"O")
        for k, symbol in enumerate(self.symbols):
            body = symbol.encode().ljust(8) + b"QN" + struct.pack(">I", 100) + b"NCZ PN 1N" + struct.pack(">I", 0) + b"N"
            self.say("R", k + 1, 2, body)

    def say(self, letter, locate, ns, body=b""):
        self.messages.append(letter.encode() + struct.pack(">HH", locate, 0) + ns.to_bytes(6, "big") + body)

    def add(self, ns, order, side, shares, price, locate=1):
        stock = self.symbols[locate - 1].encode().ljust(8)
        self.say("A", locate, ns, struct.pack(">Q", order) + LETTERS[side] + struct.pack(">I", shares) + stock + struct.pack(">I", price))

    def execute(self, ns, order, shares, locate=1):
        self.say("E", locate, ns, struct.pack(">QIQ", order, shares, 1))

    def execute_at(self, ns, order, shares, price, printed=True, locate=1):
        self.say("C", locate, ns, struct.pack(">QIQ", order, shares, 1) + (b"Y" if printed else b"N") + struct.pack(">I", price))

    def cancel(self, ns, order, shares, locate=1):
        self.say("X", locate, ns, struct.pack(">QI", order, shares))

    def delete(self, ns, order, locate=1):
        self.say("D", locate, ns, struct.pack(">Q", order))

    def replace(self, ns, order, new, shares, price, locate=1):
        self.say("U", locate, ns, struct.pack(">QQII", order, new, shares, price))

    def hidden(self, ns, side, shares, price, locate=1):
        stock = self.symbols[locate - 1].encode().ljust(8)
        self.say("P", locate, ns, struct.pack(">Q", 0) + LETTERS[side] + struct.pack(">I", shares) + stock + struct.pack(">IQ", price, 1))

    def cross(self, ns, shares, price, locate=1):
        stock = self.symbols[locate - 1].encode().ljust(8)
        self.say("Q", locate, ns, struct.pack(">Q", shares) + stock + struct.pack(">IQ", price, 1) + b"O")

    def state(self, ns, letter, locate=1):
        self.say("H", locate, ns, self.symbols[locate - 1].encode().ljust(8) + letter.encode() + b" " + b"    ")

    def blob(self, prefix="length"):
        before = {"length": lambda m: struct.pack(">H", len(m)), "zeros": lambda m: b"\0\0", "none": lambda m: b""}[prefix]
        return b"".join(before(m) + m for m in self.messages)
