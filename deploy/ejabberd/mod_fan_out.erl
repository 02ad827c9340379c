%% SPDX-License-Identifier: GPL-2.0-or-later

%% Brings an archived batch to everybody in its room: encoded once, written by each session straight into its WebSocket.
%%
%% A room by itself has each session encode the stanza, copy it to the process that speaks WebSocket, and that one to the
%% process that has the socket: for the thousandth subscriber as for the first. Here the room encodes it, each session
%% puts its own address in front, and the rest is one binary that all of them share. It stands in its place among all
%% else that the session is told.
%%
%% And the sender is told last. Its own copy is what it takes for the answer, so it sends the next batch when this one
%% is with the subscribers, not when it is only in their queues: the fuller the room, the denser its batches. But for
%% one in eight nobody waits, nor for who was late the last time, nor longer than WAIT_MS.
%%
%% Which sessions: by WebSocket, on a host without stream management (XEP-0198), which has to keep each stanza. To all
%% others, and to all of them if anything goes wrong here, a batch goes as ejabberd sends it.
%%
%% Written against the processes of ejabberd_http_ws, ejabberd_websocket and xmpp_socket (23.01 and 26.07): the first is
%% linked with the second alone, and that with its socket.
-module(mod_fan_out).
-behaviour(gen_mod).

-export([start/2, stop/1, reload/3, depends/2, mod_options/1, mod_doc/0, spread/3, c2s_session_opened/1,
         c2s_handle_info/2, c2s_terminated/2, sweep/0]).

%% {Address in lower case, Pid of the session, whether it was late}
-define(SESSIONS, aviso_sessions).
-define(WAIT_MS, 1000).
-define(SWEEP_MS, 60000).

start(Host, _Opts) ->
    %% As in mod_gate: whoever makes it ends; the heir does not.
    catch ets:new(?SESSIONS, [named_table, public, {write_concurrency, true}, {read_concurrency, true},
                              {heir, erlang:group_leader(), none}]),
    case Host =:= ejabberd_config:get_myname() of
        true -> {ok, _} = timer:apply_interval(?SWEEP_MS, ?MODULE, sweep, []), ok;
        false -> ok
    end,
    each_hook(Host, add).

stop(Host) ->
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
    Copies = [xmpp:set_from_to(Packet, From, JID) || JID <- Far],
    Own = [xmpp:set_from_to(Packet, From, element(2, User))
           || {ok, User} <- [maps:find(Sender, element(8, Room))]],
    {encode(Packet, From), Near, Copies, Own}.

sort(LJID, JID, {Near, Far}) ->
    case ets:lookup(?SESSIONS, LJID) of
        [{_, Pid, _} = Session] ->
            case is_process_alive(Pid) of
                true -> {[Session | Near], Far};
                false -> {Near, [JID | Far]}
            end;
        [] ->
            {Near, [JID | Far]}
    end.

%% Without the address: each has its own in front.
encode(Packet, From) ->
    {xmlel, <<"message">>, Attrs, Els} = xmpp:encode(xmpp:set_from_to(Packet, From, undefined), <<"jabber:client">>),
    Shared = [Attr || {Name, _} = Attr <- Attrs, Name =/= <<"xmlns">>, Name =/= <<"to">>],
    <<"<message", Rest/binary>> = fxml:element_to_binary({xmlel, <<"message">>, Shared, Els}),
    Rest.

carry_out({Rest, Near, Copies, Own}) ->
    InTime = maps:from_list([{Pid, LJID} || {LJID, Pid, false} <- Near]),
    Waiter = answer_later(Own, InTime),
    At = now_ms(),
    [Pid ! {?MODULE, Rest, IsLate, At, Waiter} || {_, Pid, IsLate} <- Near],
    [ejabberd_router:route(Copy) || Copy <- Copies],
    drop.

%% ---- the sender is told last ---------------------------------------------------------------------------------------

answer_later(Own, InTime) ->
    Before = get(?MODULE),
    Waiter = spawn(fun() -> wait(Own, InTime, Before) end),
    put(?MODULE, Waiter),
    Waiter.

wait(Own, InTime, Before) ->
    Until = now_ms() + ?WAIT_MS,
    Left = wait_written(InTime, maps:size(InTime) div 8 + 1, Until),
    wait_told(Before),
    [ejabberd_router:route(Copy) || Copy <- Own],
    Late = see_late(Left, Until),
    [ets:update_element(?SESSIONS, LJID, {3, true}) || LJID <- maps:values(Late)].

%% Those that have not written it yet, when so few are left or the time is over.
wait_written(Left, Enough, _Until) when map_size(Left) =< Enough ->
    Left;
wait_written(Left, Enough, Until) ->
    receive
        {written, Pid} -> wait_written(maps:remove(Pid, Left), Enough, Until)
    after max(0, Until - now_ms()) ->
        Left
    end.

see_late(Left, _Until) when map_size(Left) =:= 0 ->
    Left;
see_late(Left, Until) ->
    receive
        {written, Pid} -> see_late(maps:remove(Pid, Left), Until);
        {tell_me, Pid} -> Pid ! told, see_late(Left, Until)
    after max(0, Until - now_ms()) ->
        Left
    end.

%% Until the sender was told of the batch before this one.
wait_told(undefined) ->
    ok;
wait_told(Before) ->
    Ref = monitor(process, Before),
    Before ! {tell_me, self()},
    receive
        told -> ok;
        {'DOWN', Ref, _, _, _} -> ok
    end.

%% ---- in a session's process ----------------------------------------------------------------------------------------

c2s_session_opened(#{lserver := Host, socket := Socket} = State) ->
    case element(2, Socket) =:= ejabberd_http_ws andalso not gen_mod:is_loaded(Host, mod_stream_mgmt) of
        true -> enter(State);
        false -> State
    end;
c2s_session_opened(State) ->
    State.

enter(#{jid := JID, socket := Socket} = State) ->
    try
        To = fxml:crypt(jid:encode(JID)),
        Line = {tcp_socket(element(3, Socket)), <<"<message xmlns='jabber:client' to='", To/binary, "'">>},
        ets:insert(?SESSIONS, {jid:tolower(JID), self(), false}),
        State#{?MODULE => Line}
    catch
        Class:Reason ->
            logger:error("A session can not write by itself: ~p:~p", [Class, kind(Reason)]),
            State
    end.

tcp_socket(WebSocket) ->
    {links, [Holder]} = process_info(ejabberd_http_ws:get_owner(WebSocket), links),
    {links, Links} = process_info(Holder, links),
    [Port] = [Each || Each <- Links, is_port(Each)],
    Port.

c2s_terminated(#{jid := JID, ?MODULE := _} = State, _Reason) ->
    forget(jid:tolower(JID), self()),
    State;
c2s_terminated(State, _Reason) ->
    State.

c2s_handle_info(State, {?MODULE, Rest, IsLate, At, Waiter}) ->
    Written = write(Rest, State),
    Waiter ! {written, self()},
    case IsLate andalso now_ms() - At < ?WAIT_MS div 2 of
        true -> ets:update_element(?SESSIONS, jid:tolower(maps:get(jid, State)), {3, false});
        false -> ok
    end,
    {stop, Written};
c2s_handle_info(State, _Info) ->
    State.

write(Rest, #{stream_state := established, ?MODULE := {Port, Head}} = State) ->
    case gen_tcp:send(Port, [frame(byte_size(Head) + byte_size(Rest)), Head, Rest]) of
        ok -> State;
        {error, _} -> self() ! {'$gen_event', closed}, State % as xmpp_stream_in does
    end;
write(_Rest, State) -> % it is ending
    State.

%% The head of a text frame, whole and not masked (RFC 6455, 5.2).
frame(Size) when Size < 126 -> <<16#81, Size>>;
frame(Size) when Size < 65536 -> <<16#81, 126, Size:16>>;
frame(Size) -> <<16#81, 127, Size:64>>.

%% ---- which sessions there are --------------------------------------------------------------------------------------

%% Another session may have the address by now.
forget(LJID, Pid) ->
    ets:select_delete(?SESSIONS, [{{LJID, Pid, '_'}, [], [true]}]).

%% Forget who has ended without a word.
sweep() ->
    ets:foldl(fun({LJID, Pid, _}, _) -> is_process_alive(Pid) orelse forget(LJID, Pid) end, true, ?SESSIONS).

now_ms() ->
    erlang:monotonic_time(millisecond).

kind(Reason) when is_atom(Reason) -> Reason;
kind(Reason) when is_tuple(Reason), is_atom(element(1, Reason)) -> element(1, Reason);
kind(_) -> unknown.
