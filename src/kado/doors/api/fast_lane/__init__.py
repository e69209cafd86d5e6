"""The fast lane: a few hot calls, straight from the connection to the function that the route calls.

It takes plain requests from callers whom this process remembers. Everything else goes the usual way, with every byte
that was read: what is refused, and how, is said in one place. What the two ways share is the contract: the operation's
function, the model of its body, the rule of who may, the words of the answer.
"""

from kado.doors.api.fast_lane.lane import FastLane

__all__ = ["FastLane"]
