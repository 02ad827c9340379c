%% SPDX-License-Identifier: GPL-2.0-or-later

%% Brings an archived batch to everybody in its room: encoded once, written by each session straight into its WebSocket.
%%
%% A room by itself has each session encode the stanza, copy it to the process that speaks WebSocket, and that one to the
%% process that has the socket: for the thousandth subscriber as for the first. Here the room encodes it, each session
%% puts its own address in front, and the rest is one binary that all of them share. It stands in its place among all
%% else that the session is told.
%%
%% And the sender is told last. Its own copy is what it takes for the answer, so it sends the next batch when this one
%% is with the subscribers, not when it is only in their queues: the fuller the room, the denser its batches. For one in
%% eight nobody waits. For the others a second, and while it is the machine that is slow, not they, up to WAITS of them:
%% who does not read has a full socket. So readers that do not read cost a room a second a batch at the worst, however
%% many they are, and a machine that can not keep up is not given more.
%%
%% Who has MAX_UNWRITTEN bytes to come is cut off: it comes again, and asks the archive for what it missed.
%%
%% Which sessions: by WebSocket without TLS (mod_handover knows), on a host that had no stream management (XEP-0198) when
%% they began, since that has to keep each stanza. To all others (accounts, TCP, BOSH, TLS), and to all of them if
%% anything goes wrong here, a batch goes as ejabberd sends it; they are waited for like the rest.
%%
%% Written against the processes of ejabberd_http_ws, ejabberd_websocket and xmpp_socket (23.01 and 26.07): the first is
%% linked with the second alone, which has the socket.
-module(mod_fan_out).
-behaviour(gen_mod).

-export([start/2, stop/1, reload/3, depends/2, mod_options/1, mod_doc/0, spread/3, c2s_session_opened/1,
         c2s_handle_info/2, c2s_terminated/2, sweep/0]).

%% {Address in lower case, Pid of the session, its socket or `none`, a counter of the bytes that it has been given and
%% not written, or `none` where ejabberd writes}
-define(SESSIONS, aviso_sessions).
-define(WAIT_MS, 1000).
%% In all less than the 10 s after which the pusher doubts.
-define(WAITS, 5).
-define(MAX_UNWRITTEN, 16777216).
-define(SWEEP_MS, 60000).

start(Host, _Opts) ->
    %% As in mod_gate: whoever makes it ends; the heir does not.
    catch ets:new(?SESSIONS, [named_table, public, {write_concurrency, true}, {read_concurrency, true},
                              {heir, erlang:group_leader(), none}]),
    case Host =:= ejabberd_config:get_myname() of
        true ->
            {ok, Timer} = timer:apply_interval(?SWEEP_MS, ?MODULE, sweep, []),
            ets:insert(?SESSIONS, {sweeping, Timer});
        false ->
            true
    end,
    each_hook(Host, add).

stop(Host) ->
    case Host =:= ejabberd_config:get_myname() of
        true -> [timer:cancel(Timer) || {_, Timer} <- ets:take(?SESSIONS, sweeping)];
        false -> []
    end,
    each_hook(Host, delete).

each_hook(Host, Do) ->
    %% After mod_ticket's, which may end the session.
    ejabberd_hooks:Do(feed_batch_archived, Host, ?MODULE, spread, 50),
    ejabberd_hooks:Do(c2s_session_opened, Host, ?MODULE, c2s_session_opened, 50),
    ejabberd_hooks:Do(c2s_handle_info, Host, ?MODULE, c2s_handle_info, 5),
    ejabberd_hooks:Do(c2s_terminated, Host, ?MODULE, c2s_terminated, 20).

reload(_Host, _New, _Old) -> ok.

depends(_Host, _Opts) -> [].

mod_options(_Host) -> [].

mod_doc() -> #{desc => <<"Brings an archived batch to everybody in its room, encoded once.">>}.

%% ---- in the room's own process -------------------------------------------------------------------------------------

%% What mod_feed_archive leaves to the room: nothing, unless something went wrong.
spread(Packet, Room, Nick) ->
    try plan(Packet, Room, Nick) of
        Plan -> carry_out(Plan)
    catch
        Class:Reason ->
            logger:error("A batch is left to the room: ~p:~p", [Class, kind(Reason)]),
            Packet
    end.

plan(Packet, Room, Nick) ->
    %% `element`, as in mod_fence.
    From = jid:replace_resource(element(6, Room), Nick),
    Sender = jid:tolower(xmpp:get_from(Packet)),
    Others = maps:remove(Sender, element(8, Room)),
    {Near, Far} = maps:fold(fun(LJID, User, Acc) -> sort(LJID, element(2, User), Acc) end, {[], []}, Others),
    Copies = [{xmpp:set_from_to(Packet, From, JID), Session} || {JID, Session} <- Far],
    Own = [xmpp:set_from_to(Packet, From, element(2, User))
           || {ok, User} <- [maps:find(Sender, element(8, Room))]],
    {encode(Packet, From), Near, Copies, Own}.

sort(LJID, JID, {Near, Far}) ->
    case session(LJID) of
        none -> {Near, [{JID, none} | Far]};
        {_, _, _, none} = Session -> {Near, [{JID, Session} | Far]};
        Session -> {[Session | Near], Far}
    end.

session(LJID) ->
    case ets:lookup(?SESSIONS, LJID) of
        [{_, Pid, _, _} = Session] ->
            case is_process_alive(Pid) of
                true -> Session;
                false -> none
            end;
        [] ->
            none
    end.

%% Without the address: each has its own in front.
encode(Packet, From) ->
    {xmlel, <<"message">>, Attrs, Els} = xmpp:encode(xmpp:set_from_to(Packet, From, undefined), <<"jabber:client">>),
    Shared = [Attr || {Name, _} = Attr <- Attrs, Name =/= <<"xmlns">>, Name =/= <<"to">>],
    <<"<message", Rest/binary>> = fxml:element_to_binary({xmlel, <<"message">>, Shared, Els}),
    Rest.

carry_out({Rest, Near, Copies, Own}) ->
    Given = [Session || Session <- Near, may_be_given(byte_size(Rest), Session)],
    Sent = [Session || {_, Session} <- Copies, Session =/= none],
    Waiter = answer_later(Own, maps:from_list([{Pid, Socket} || {_, Pid, Socket, _} <- Given ++ Sent])),
    [Pid ! {?MODULE, Rest, Waiter} || {_, Pid, _, _} <- Given],
    [ejabberd_router:route(Copy) || {Copy, _} <- Copies],
    %% Behind its copy, which it is given by this very process too.
    [Pid ! {?MODULE, sent, Waiter} || {_, Pid, _, _} <- Sent],
    drop.

%% Once too much, always too much: after what it was not given it may be given nothing.
may_be_given(Size, {_, Pid, _, Unwritten}) ->
    case atomics:add_get(Unwritten, 1, Size) of
        Sum when Sum =< ?MAX_UNWRITTEN ->
            true;
        Sum ->
            atomics:add(Unwritten, 1, ?MAX_UNWRITTEN),
            Sum - Size > ?MAX_UNWRITTEN orelse cut_off(Pid),
            false
    end.

cut_off(Pid) ->
    logger:warning("A session does not read and is cut off, with ~b bytes to come", [?MAX_UNWRITTEN]),
    Pid ! {?MODULE, cut_off}.

%% ---- the sender is told last ---------------------------------------------------------------------------------------

answer_later(Own, Given) ->
    Before = get(?MODULE),
    Waiter = spawn(fun() -> wait(Own, Given, Before) end),
    put(?MODULE, Waiter),
    Waiter.

wait(Own, Given, Before) ->
    wait_written(Given, maps:size(Given) div 8 + 1, now_ms() + ?WAIT_MS, ?WAITS),
    wait_ended(Before),
    [ejabberd_router:route(Copy) || Copy <- Own].

%% Until all but so few have written it.
wait_written(Left, Enough, _Until, Waits) when map_size(Left) =< Enough; Waits =:= 0 ->
    ok;
wait_written(Left, Enough, Until, Waits) ->
    receive
        {written, Pid} -> wait_written(maps:remove(Pid, Left), Enough, Until, Waits)
    after max(0, Until - now_ms()) ->
        wait_written(maps:filter(fun(_, Socket) -> is_read(Socket) end, Left), Enough, Until + ?WAIT_MS, Waits - 1)
    end.

%% Of a socket that is read, nothing waits in the driver; one that is closed has none.
is_read(Socket) when is_port(Socket) ->
    erlang:port_info(Socket, queue_size) =:= {queue_size, 0};
is_read(_) ->
    false.

%% Until the sender was told of the batch before this one.
wait_ended(undefined) ->
    ok;
wait_ended(Before) ->
    Ref = monitor(process, Before),
    receive {'DOWN', Ref, _, _, _} -> ok end.

%% ---- in a session's process ----------------------------------------------------------------------------------------

%% Where a session is resumed, too.
c2s_session_opened(#{jid := JID, lserver := Host} = State) ->
    try
        Socket = tcp_socket(State),
        IsOurs = is_web_socket(State) andalso is_port(Socket) andalso not gen_mod:is_loaded(Host, mod_stream_mgmt),
        Writing = case IsOurs of true -> writing(JID, Socket); false -> none end,
        ets:insert(?SESSIONS, {jid:tolower(JID), self(), Socket, unwritten(Writing)}),
        State#{?MODULE => Writing}
    catch
        Class:Reason ->
            logger:error("A session can not write by itself: ~p:~p", [Class, kind(Reason)]),
            State
    end;
c2s_session_opened(State) ->
    State.

writing(JID, Socket) ->
    To = fxml:crypt(jid:encode(JID)),
    {Socket, <<"<message xmlns='jabber:client' to='", To/binary, "'">>, atomics:new(1, [])}.

unwritten(none) -> none;
unwritten({_, _, Unwritten}) -> Unwritten.

%% `element`, as in mod_fence: #socket_state.sockmod and .socket.
is_web_socket(#{socket := Socket}) ->
    element(2, Socket) =:= ejabberd_http_ws.

%% None where it is encrypted, of long polling, and of a connection that is just closing.
tcp_socket(#{socket := Socket} = State) ->
    case {is_web_socket(State), element(3, Socket)} of
        {true, WebSocket} -> socket_of(process_info(ejabberd_http_ws:get_owner(WebSocket), links));
        {false, Port} when is_port(Port) -> Port;
        {false, _} -> none
    end.

socket_of({links, [Holder]}) -> mod_handover:plain_socket(Holder);
socket_of({links, []}) -> none;
socket_of(undefined) -> none.

c2s_terminated(#{jid := JID, ?MODULE := _} = State, _Reason) ->
    forget(jid:tolower(JID), self()),
    State;
c2s_terminated(State, _Reason) ->
    State.

c2s_handle_info(State, {?MODULE, sent, Waiter}) ->
    Waiter ! {written, self()},
    {stop, State};
c2s_handle_info(State, {?MODULE, Rest, Waiter}) ->
    Written = write(Rest, State),
    Waiter ! {written, self()},
    {stop, Written};
c2s_handle_info(State, {?MODULE, cut_off}) ->
    {stop, close(State)};
c2s_handle_info(State, _Info) ->
    State.

write(Rest, #{stream_state := established, ?MODULE := {Port, Head, Unwritten}} = State) ->
    Frame = [frame(byte_size(Head) + byte_size(Rest)), Head, Rest],
    case atomics:get(Unwritten, 1) =< ?MAX_UNWRITTEN andalso gen_tcp:send(Port, Frame) of
        ok -> atomics:sub(Unwritten, 1, byte_size(Rest)), State;
        _ -> close(State)
    end;
write(_Rest, State) -> % it is ending
    State.

%% As xmpp_stream_in does where it can not write.
close(State) ->
    self() ! {'$gen_event', closed},
    State.

%% The head of a text frame, whole and not masked (RFC 6455, 5.2).
frame(Size) when Size < 126 -> <<16#81, Size>>;
frame(Size) when Size < 65536 -> <<16#81, 126, Size:16>>;
frame(Size) -> <<16#81, 127, Size:64>>.

%% ---- which sessions there are --------------------------------------------------------------------------------------

%% Another session may have the address by now.
forget(LJID, Pid) ->
    ets:select_delete(?SESSIONS, [{{LJID, Pid, '_', '_'}, [], [true]}]).

%% Forget who has ended without a word.
sweep() ->
    ets:foldl(fun({LJID, Pid, _, _}, _) -> is_process_alive(Pid) orelse forget(LJID, Pid);
                 (_, _) -> true
              end, true, ?SESSIONS).

now_ms() ->
    erlang:monotonic_time(millisecond).

kind(Reason) when is_atom(Reason) -> Reason;
kind(Reason) when is_tuple(Reason), is_atom(element(1, Reason)) -> element(1, Reason);
kind(_) -> unknown.
