"""A WebSocket begins when its socket is its own, however late it is given."""

from __future__ import annotations

import subprocess

from .running import Stack

# What ejabberd_listener does, slowly: it starts the process, then gives it the socket.
_LISTENER = """
    {ok, Listening} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}, {active, false}]),
    {ok, Port} = inet:port(Listening),
    {ok, _} = gen_tcp:connect({127, 0, 0, 1}, Port, []),
    {ok, Socket} = gen_tcp:accept(Listening),
    Self = self(),
    Started = spawn_link(fun() ->
        Waited = mod_handover:wait_owner(5000),
        Self ! {Waited, erlang:port_info(Socket, connected) =:= {connected, self()}}
    end),
    timer:sleep(100),
    ok = gen_tcp:controlling_process(Socket, Started),
    receive Told -> io:format("~p", [Told]) end,
    halt().
"""


def test_it_waits_for_the_process_that_accepts(stack: Stack) -> None:
    beams = str(stack.run_dir / "ejabberd/beam")

    told = subprocess.run(
        ["erl", "-noinput", "-pa", beams, "-eval", _LISTENER],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert told.stdout == "{ok,true}"


def test_a_websocket_is_handed_over_by_it(stack: Stack) -> None:
    configuration = (stack.run_dir / "ejabberd/ejabberd.yml").read_text()

    assert "/xmpp-websocket: mod_handover" in configuration
