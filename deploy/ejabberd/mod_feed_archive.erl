%% SPDX-License-Identifier: GPL-2.0-or-later

%% A room's archive takes a batch only behind the room's head, and the room reflects only what its archive took.
%%
%% mod_mam archives what a room passes on, and never looks what its database said. So for a batch (a message with
%% <events xmlns="urn:aviso:feed:2" feed epoch first last>) this module archives instead, in the room's own process and
%% before mod_mam: one statement sees whether the batch follows the head and inserts it (mod_feed_archive.sql).
%%
%%  - It follows: reflected, with its id in the archive and with <archived xmlns="urn:aviso:feed:2"/>. Only this module
%%    writes that, so a reflection that has it proves that the batch is archived.
%%  - It is the head itself, since whoever sent it did not know its outcome: not archived twice, but reflected again.
%%  - Anything else, or a database that refuses or says nothing: an error to the sender, and no reflection. Where the
%%    batch does not follow, the error names the head: <head xmlns="urn:aviso:feed:2" epoch last/>, empty if there is
%%    none.
%%
%% It fails closed: what goes wrong here refuses the batch, and a second hook drops each batch that the first has let
%% through. An owner of the room learns the head by asking for it (<iq type="get"><head xmlns="urn:aviso:feed:2"/>);
%% where nobody answers that, the module is not there.
%%
%% Every message, batch or not, gets an id above all that the room's archive has, whatever the clock does; mod_mam keeps
%% one that is there already (23.01 and 26.07).
%%
%% Written against the hooks of ejabberd (GPLv2) and its table `archive`, whose rows it fills as mod_mam_sql does; no
%% line of it is from there.
-module(mod_feed_archive).
-behaviour(gen_mod).

-export([start/2, stop/1, reload/3, depends/2, mod_options/1, mod_opt_type/1, mod_doc/0, muc_filter_message/3,
         drop_unarchived/3, muc_process_iq/2]).
%% For the other modules that keep something in the database.
-export([ask/3, load_schema/2, text/1]).

-define(FEED, <<"urn:aviso:feed:2">>).
-define(STANZAS, <<"urn:ietf:params:xml:ns:xmpp-stanzas">>).
%% More than the statement's own wait for a lock, less than the pusher's for an answer.
-define(STATEMENT_MS, 8000).
%% A bigint holds them.
-define(MAX_DIGITS, 18).

start(Host, _Opts) ->
    %% Beside the start, which would wait for a database that is away. Where it is not there in time, ask/3 sends it.
    spawn(fun() -> load_schema(Host, ?MODULE) end),
    each_hook(Host, add).

stop(Host) ->
    each_hook(Host, delete).

each_hook(Host, Do) ->
    %% Before mod_mam's, which is at 50.
    ejabberd_hooks:Do(muc_filter_message, Host, ?MODULE, muc_filter_message, 10),
    ejabberd_hooks:Do(muc_filter_message, Host, ?MODULE, drop_unarchived, 20),
    %% After mod_fence's.
    ejabberd_hooks:Do(muc_process_iq, Host, ?MODULE, muc_process_iq, 20).

reload(_Host, _New, _Old) -> ok.

depends(_Host, _Opts) -> [{mod_mam, hard}].

mod_opt_type(rooms) -> econf:domain().

mod_options(_Host) -> [{rooms, <<>>}].

mod_doc() -> #{desc => <<"Archives a batch of events only behind the room's head.">>}.

%% ---- a message to a room -------------------------------------------------------------------------------------------

muc_filter_message(Packet, Room, Nick) when element(1, Packet) =:= message ->
    try {events(Packet), is_feed(Room)} of
        {none, _} -> with_id(Packet, Room);
        {_, false} -> with_id(Packet, Room);
        {Events, true} -> take(Events, Packet, Room, Nick)
    catch
        Class:Reason:Stack ->
            logger:error("A message to a room can not be judged: ~p:~p at ~p", [Class, kind(Reason), where(Stack)]),
            refuse(Packet, <<"wait">>, <<"internal-server-error">>, <<"The archive of the room failed">>, [])
    end;
muc_filter_message(Packet, _Room, _Nick) ->
    Packet.

%% The first hook stops at each batch. One that comes here passed it by, since it crashed or is not there any more.
drop_unarchived(Packet, Room, _Nick) ->
    try events(Packet) =/= none andalso is_feed(Room) of
        false -> Packet;
        true -> refuse(Packet, <<"wait">>, <<"internal-server-error">>, <<"The archive of the room failed">>, [])
    catch
        _:_ -> {stop, drop}
    end.

take(Events, Packet, Room, Nick) ->
    Feed = element(2, Room),
    case batch(Events) of
        {Feed, Epoch, First, Last} ->
            Archived = without_marks(Packet),
            answer(archive(Archived, Room, Nick, Epoch, First, Last), Archived, Room, Nick);
        _ ->
            refuse(Packet, <<"modify">>, <<"bad-request">>, <<"Not a batch of this room's feed">>, [])
    end.

answer({conflict, Head}, Packet, _Room, _Nick) ->
    refuse(Packet, <<"cancel">>, <<"conflict">>, <<"Not behind the room's head">>, [head(Head)]);
answer({failed, Condition}, Packet, _Room, _Nick) ->
    refuse(Packet, <<"wait">>, Condition, <<"The archive of the room took nothing">>, []);
answer({archived, Id}, Packet, Room, Nick) ->
    put(?MODULE, max(Id, remembered(0))),
    StanzaId = {xmlel, <<"stanza-id">>, [{<<"xmlns">>, <<"urn:xmpp:sid:0">>}, {<<"by">>, address(Room)},
                                         {<<"id">>, integer_to_binary(Id)}], []},
    Mark = {xmlel, <<"archived">>, [{<<"xmlns">>, ?FEED}], []},
    Marked = xmpp:set_els(Packet, [StanzaId, Mark | xmpp:get_els(Packet)]),
    %% Stopped before mod_mam, which would archive it again. With both of these 26.07 adds no id of its own.
    Noted = xmpp:put_meta(xmpp:put_meta(Marked, stanza_id, Id), mam_archived, true),
    %% mod_fan_out takes it from here; where that is not there, or fails, the room does.
    {stop, ejabberd_hooks:run_fold(feed_batch_archived, host(Room), Noted, [Room, Nick])}.

refuse(Packet, Type, Condition, Text, More) ->
    Error = {xmlel, <<"error">>, [{<<"type">>, Type}],
             [{xmlel, Condition, [{<<"xmlns">>, ?STANZAS}], []},
              {xmlel, <<"text">>, [{<<"xmlns">>, ?STANZAS}, {<<"xml:lang">>, <<"en">>}], [{xmlcdata, Text}]} | More]},
    %% Without what it carried, which may be 1 MiB.
    ejabberd_router:route_error(xmpp:set_els(Packet, []), xmpp:decode(Error, <<"jabber:client">>, [])),
    {stop, drop}.

%% In the room's own process: what it has read once, it remembers.
with_id(Packet, Room) ->
    Newest = case remembered(none) of
                 none -> newest_id(Room);
                 Known -> Known
             end,
    Id = max(erlang:system_time(microsecond), Newest + 1),
    put(?MODULE, Id),
    xmpp:put_meta(Packet, stanza_id, Id).

remembered(Default) ->
    case get(?MODULE) of
        undefined -> Default;
        Known -> Known
    end.

events(Packet) ->
    Found = [Attrs || {xmlel, <<"events">>, Attrs, _} <- xmpp:get_els(Packet), attribute(<<"xmlns">>, Attrs) =:= ?FEED],
    case {xmpp:get_type(Packet), Found} of
        {groupchat, [Attrs]} -> Attrs;
        {groupchat, [_ | _]} -> []; % more than one: no batch, and not for mod_mam
        _ -> none
    end.

batch(Attrs) ->
    [Feed, Epoch, First, Last] = [attribute(Name, Attrs) || Name <- [<<"feed">>, <<"epoch">>, <<"first">>, <<"last">>]],
    case {number(First), number(Last)} of
        {From, To} when is_integer(From), is_integer(To), From >= 1, To >= From - 1, Epoch =/= <<>> ->
            {Feed, Epoch, From, To};
        _ ->
            none
    end.

number(Text) when byte_size(Text) >= 1, byte_size(Text) =< ?MAX_DIGITS ->
    try binary_to_integer(Text)
    catch error:badarg -> none
    end;
number(_Text) ->
    none.

%% Who sends a batch has no say in what is archived under which id.
without_marks(Packet) ->
    Els = [El || El <- xmpp:get_els(Packet), not lists:member(xmpp:get_name(El), [<<"stanza-id">>, <<"archived">>])],
    xmpp:set_els(Packet, Els).

head(none) ->
    {xmlel, <<"head">>, [{<<"xmlns">>, ?FEED}], []};
head({Epoch, Last, Id}) ->
    {xmlel, <<"head">>, [{<<"xmlns">>, ?FEED}, {<<"epoch">>, Epoch}, {<<"last">>, Last}, {<<"id">>, Id}], []}.

%% ---- what the pusher asks ------------------------------------------------------------------------------------------

muc_process_iq(IQ, Room) ->
    case is_question(IQ, Room) of
        false ->
            IQ;
        true ->
            try read_head(Room) of
                {ok, Head} -> {stop, xmpp:make_iq_result(IQ, head(Head))};
                {failed, _} -> {stop, unreadable(IQ)}
            catch
                _:_ -> {stop, unreadable(IQ)}
            end
    end.

is_question(IQ, Room) ->
    case {xmpp:get_type(IQ), xmpp:get_els(IQ)} of
        {get, [{xmlel, <<"head">>, Attrs, _}]} ->
            attribute(<<"xmlns">>, Attrs) =:= ?FEED
                andalso is_feed(Room)
                andalso mod_muc_room:get_affiliation(xmpp:get_from(IQ), Room) =:= owner;
        _ ->
            false
    end.

unreadable(IQ) ->
    Error = xmpp:err_internal_server_error(<<"The archive of the room can not be read">>, <<"en">>),
    xmpp:make_error(xmpp:set_els(IQ, []), Error).

%% ---- the database --------------------------------------------------------------------------------------------------

archive(Packet, Room, Nick, Epoch, First, Last) ->
    El = xmpp:encode(Packet),
    Peer = jid:tolower(xmpp:get_from(Packet)),
    Statement = [<<"SELECT verdict, epoch, last, archive_id FROM archive_feed_batch(">>,
                 lists:join($,, [text(host(Room)), text(address(Room)), text(Epoch), integer_to_binary(First),
                                 integer_to_binary(Last), integer_to_binary(erlang:system_time(microsecond)),
                                 text(jid:encode(Peer)), text(jid:encode(jid:remove_resource(Peer))), text(Nick),
                                 text(fxml:element_to_binary(El)), text(fxml:get_subtag_cdata(El, <<"body">>))]),
                 <<")">>],
    case ask(host(Room), ?MODULE, Statement) of
        {ok, [[<<"conflict">>, null, _, _]]} -> {conflict, none};
        {ok, [[<<"conflict">>, Known, To, Id]]} -> {conflict, {Known, To, Id}};
        {ok, [[_Verdict, Epoch, _, Id]]} -> {archived, binary_to_integer(Id)};
        {failed, Condition} -> {failed, Condition}
    end.

read_head(Room) ->
    Statement = [<<"SELECT epoch, last, archive_id FROM feed_head(">>, text(host(Room)), $,, text(address(Room)),
                 <<")">>],
    case ask(host(Room), ?MODULE, Statement) of
        {ok, [[null, _, _]]} -> {ok, none};
        {ok, [[Epoch, Last, Id]]} -> {ok, {Epoch, Last, Id}};
        Failed -> Failed
    end.

newest_id(Room) ->
    Statement = [<<"SELECT greatest((SELECT max(timestamp) FROM archive WHERE server_host = ">>, text(host(Room)),
                 <<" AND username = ">>, text(address(Room)),
                 <<"), (SELECT max(archive_id) FROM room_heads WHERE server_host = ">>, text(host(Room)),
                 <<" AND room = ">>, text(address(Room)), <<"))">>],
    case ask(host(Room), ?MODULE, Statement) of
        {ok, [[null]]} -> 0;
        {ok, [[Id]]} -> binary_to_integer(Id)
    end.

%% The schema is made by the module that needs it, in both ways to run ejabberd, and made again where it has gone.
ask(Host, Module, Statement) ->
    case run(Host, Statement) of
        {error, <<"42", _/binary>>, _} -> % no such table, column or function
            case load_schema(Host, Module) of
                ok -> rows(Module, run(Host, Statement));
                Failed -> rows(Module, Failed)
            end;
        Result ->
            rows(Module, Result)
    end.

rows(_Module, {ok, Rows}) ->
    {ok, Rows};
rows(Module, {error, Code, Message}) ->
    logger:error("The database answers ~s ~ts: ~ts", [Module, Code, Message]),
    case Code of
        <<"55P03">> -> {failed, <<"resource-constraint">>}; % somebody else's batch is under way
        _ -> {failed, <<"internal-server-error">>}
    end.

load_schema(Host, Module) ->
    {ok, Text} = file:read_file(filename:rootname(code:which(Module)) ++ ".sql"),
    case run(Host, Text) of
        {ok, _} ->
            ok;
        {error, Code, Message} = Error ->
            logger:error("The schema of ~s was not made, ~ts: ~ts", [Module, Code, Message]),
            Error
    end.

%% In the process of one of ejabberd's connections, past ejabberd_sql:sql_query: that one writes the text of a statement
%% that fails into the log, and with it the records; and it waits for a minute. The connection is the first field of
%% the state there (23.01 and 26.07). After the error that it is given ejabberd makes the connection anew.
run(Host, Statement) ->
    Text = iolist_to_binary(Statement),
    Run = fun() ->
              try pgsql:squery(element(2, get(ejabberd_sql_state)), Text, ?STATEMENT_MS) of
                  {ok, Results} -> {results, Results}
              catch
                  _:_ -> {error, <<"query timed out">>}
              end
          end,
    try ejabberd_sql:sql_query(Host, Run) of
        {results, Results} -> read(Results);
        {error, Reason} when is_binary(Reason) -> {error, <<"none">>, Reason};
        _ -> {error, <<"none">>, <<"no answer">>}
    catch
        _:_ -> {error, <<"none">>, <<"no connection">>}
    end.

read(Results) ->
    case [Fields || {error, Fields} <- Results] of
        [Fields | _] -> {error, field(code, Fields), field(message, Fields)};
        [] -> {ok, lists:append([Rows || {_, _, Rows} <- Results])}
    end.

%% Of an error its details are left out: they show the row.
field(Name, Fields) ->
    case is_list(Fields) andalso lists:keyfind(Name, 1, Fields) of
        {_, Value} -> unicode:characters_to_binary(Value);
        _ -> <<"unknown">>
    end.

%% As E'': ejabberd turns standard_conforming_strings off.
text(Text) ->
    [<<"E'">>, binary:replace(Text, [<<"'">>, <<"\\">>], <<"\\">>, [global, {insert_replaced, 1}]), $'].

%% ---- what is in a term ---------------------------------------------------------------------------------------------

%% A room's state. `element`, as in mod_fence: the records' headers are not where the container's build could include
%% them.
is_feed(Room) ->
    element(3, Room) =:= gen_mod:get_module_opt(host(Room), ?MODULE, rooms).

address(Room) ->
    jid:encode(jid:make(element(2, Room), element(3, Room))).

host(Room) ->
    element(4, Room).

attribute(Name, Attrs) ->
    proplists:get_value(Name, Attrs, <<>>).

%% What went wrong and where, without the values: they may be a whole batch.
kind(Reason) when is_atom(Reason) -> Reason;
kind(Reason) when is_tuple(Reason), is_atom(element(1, Reason)) -> element(1, Reason);
kind(_) -> unknown.

where([{Module, Function, Arity, _} | _]) when is_integer(Arity) -> {Module, Function, Arity};
where([{Module, Function, Args, _} | _]) when is_list(Args) -> {Module, Function, length(Args)};
where(_) -> unknown.
