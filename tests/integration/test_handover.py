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

# A socket without TLS, one with it, a process that mod_handover did not begin, one that
# has gone. Of a request there are the two fields that are looked at.
_SOCKETS = """
    Begin = fun(Kind) ->
        {ok, Socket} = gen_tcp:listen(0, []),
        Request = erlang:make_tuple(18, none, [{17, Kind}, {18, Socket}]),
        catch mod_handover:socket_handoff([], Request, []),
        Socket
    end,
    Ask = fun(Kind) ->
        Self = self(),
        Pid = spawn(fun() -> Self ! {Begin(Kind)}, receive never -> ok end end),
        receive {Socket} -> mod_handover:plain_socket(Pid) =:= Socket end
    end,
    {Gone, Monitor} = spawn_monitor(fun() -> ok end),
    receive {'DOWN', Monitor, _, _, _} -> ok end,
    Others = [mod_handover:plain_socket(Pid) || Pid <- [whereis(init), Gone]],
    io:format("~p", [[Ask(gen_tcp), Ask(fast_tls) | Others]]),
    halt().
"""


def test_it_waits_for_the_process_that_accepts(stack: Stack) -> None:
    assert evaluate(stack, _LISTENER) == "{ok,true}"


def test_only_a_socket_without_tls_is_written_to_by_others(stack: Stack) -> None:
    assert evaluate(stack, _SOCKETS) == "[true,false,none,none]"


def test_a_websocket_is_handed_over_by_it(stack: Stack) -> None:
    configuration = (stack.run_dir / "ejabberd/ejabberd.yml").read_text()

    assert "/xmpp-websocket: mod_handover" in configuration


def evaluate(stack: Stack, expressions: str) -> str:
    """Evaluate with the stack's modules; return what was printed."""
    done = subprocess.run(
        [
            "erl",
            "-noinput",
            "-pa",
            str(stack.run_dir / "ejabberd/beam"),
            "-eval",
            expressions,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout
