%% SPDX-License-Identifier: GPL-2.0-or-later

%% What a user may send, and what a stranger is told. It stands in front of everything else.
%%
%% Room options refuse speech from visitors, but they do not stop a message from one user to another, and a member has
%% voice even in a moderated room. So this is a list of what passes; whatever is not on it is refused:
%%
%%  - presence of one's own, and to join or leave a room
%%  - queries: ping and disco to the own server, disco#info of the rooms' host and of a room, a room's archive,
%%    and the ping that asks a room whether one is in it (XEP-0410)
%%
%% Of an archive a session may have two queries open, the third is refused: `resource-constraint`. So is the room
%% that is one more than `max_rooms`: each costs ejabberd memory for as long as somebody sits in it.
%%
%% Accounts that match `access` (the pusher) are let through. Tickets and tokens are mod_ticket's.
%%
%% A room that is not there and one that somebody may not enter answer alike: `item-not-found`, the same words, and
%% `hold` milliseconds after the question, however long it took to find out. That covers joins and every query that
%% passes; a query that does not pass is refused before anybody has looked at the room. The ping of XEP-0410 has an
%% answer of its own to who is not in, `not-acceptable`: to it, item-not-found means that one is.
%%
%% It also lets a destroyed room be made again. mod_mam refuses a room whose archive is not empty, lest whoever makes
%% it anew gets to own another's past; here `access_create` lets nobody but the pusher make any, and the archive is
%% what it goes on from.
%%
%% And it keeps out whoever was put out of a closed room: the room itself remembers him too well.
%%
%% A hook that crashes fails open: ejabberd logs it and goes on. So what decides is caught, and refuses.
-module(mod_fence).
-behaviour(gen_mod).

-export([start/2, stop/1, reload/3, depends/2, mod_options/1, mod_opt_type/1, mod_doc/0, user_send_packet/1,
         user_receive_packet/1, c2s_handle_info/2, c2s_copy_session/2, muc_process_iq/2, muc_filter_presence/3,
         check_create_room/4, leave_closed/1]).

-define(DISCO_INFO, <<"http://jabber.org/protocol/disco#info">>).
-define(DISCO_ITEMS, <<"http://jabber.org/protocol/disco#items">>).
-define(MUC_USER, <<"http://jabber.org/protocol/muc#user">>).
-define(PING, <<"urn:xmpp:ping">>).
-define(SESSION, <<"urn:ietf:params:xml:ns:xmpp-session">>).
-define(MAM, <<"urn:xmpp:mam:2">>).
-define(MAM_1, <<"urn:xmpp:mam:1">>).
%% Questions of one session that wait for their answers, and after which time one that has none is forgotten.
-define(MAX_ASKED, 256).
-define(FORGET_MS, 60000).
%% Of those, how many may be of an archive: a room answers them itself, and everybody in it waits meanwhile.
-define(MAX_READING, 2).

start(Host, _Opts) ->
    %% Else nobody would get in anywhere, the pusher neither, and nothing would say why.
    persistent_term:put({?MODULE, members_only}, members_only_index()),
    each_hook(Host, add).

stop(Host) ->
    each_hook(Host, delete).

each_hook(Host, Do) ->
    ejabberd_hooks:Do(user_send_packet, Host, ?MODULE, user_send_packet, 10),
    ejabberd_hooks:Do(user_receive_packet, Host, ?MODULE, user_receive_packet, 10),
    ejabberd_hooks:Do(c2s_handle_info, Host, ?MODULE, c2s_handle_info, 10),
    ejabberd_hooks:Do(c2s_copy_session, Host, ?MODULE, c2s_copy_session, 10),
    %% Before mod_mam's, which is at 50.
    ejabberd_hooks:Do(muc_process_iq, Host, ?MODULE, muc_process_iq, 10),
    ejabberd_hooks:Do(muc_filter_presence, Host, ?MODULE, muc_filter_presence, 10),
    %% After mod_mam's, which is at 50: the last word counts.
    ejabberd_hooks:Do(check_create_room, Host, ?MODULE, check_create_room, 90).

reload(_Host, _New, _Old) -> ok.

depends(_Host, _Opts) -> [{mod_ticket, hard}].

mod_opt_type(rooms) -> econf:domain();
mod_opt_type(access) -> econf:acl();
mod_opt_type(hold) -> econf:pos_int();
mod_opt_type(max_rooms) -> econf:non_neg_int().

%% Of max_rooms 0 is no limit.
mod_options(_Host) -> [{rooms, <<>>}, {access, none}, {hold, 200}, {max_rooms, 1000}].

mod_doc() -> #{desc => <<"Lets users send what a subscriber needs, and nothing else.">>}.

check_create_room(_Acc, _Host, _Room, _Service) ->
    true.

%% ---- what a user sends ---------------------------------------------------------------------------------------------

user_send_packet({drop, _} = Acc) ->
    Acc;
user_send_packet({Packet, #{jid := From} = State} = Acc) ->
    try
        {_, Host, _} = jid:tolower(From),
        case is_trusted(Host, From) of
            true -> Acc;
            false -> carry_out(judge(Packet, Host, State), Packet, State)
        end
    catch
        _:_ -> carry_out(refuse, Packet, State)
    end;
user_send_packet({Packet, State}) -> % nobody knows whose it is
    carry_out(refuse, Packet, State).

judge(Packet, Host, #{jid := From} = State) ->
    To = place(xmpp:get_to(Packet), Host, jid:tolower(From)),
    case element(1, Packet) of
        presence -> judge_presence(xmpp:get_type(Packet), To, State);
        iq -> judge_iq(xmpp:get_type(Packet), To, xmpp:get_els(Packet), Packet, State);
        _ -> refuse
    end.

%% Where a stanza goes, as far as this module tells places apart.
place(undefined, _Host, _From) ->
    self;
place(To, Host, {User, _, _}) ->
    Rooms = option(Host, rooms),
    case jid:tolower(To) of
        {User, Host, <<>>} -> self;
        {<<>>, Host, <<>>} -> server;
        {<<>>, Rooms, <<>>} -> rooms;
        {<<>>, Rooms, _} -> other;
        {Room, Rooms, Nick} -> {Room, Nick};
        _ -> other
    end.

judge_presence(Type, self, _State) when Type =:= available; Type =:= unavailable ->
    pass;
judge_presence(available, {Room, Nick}, State) when Nick =/= <<>> ->
    case {is_open(Room, State), nick(Room, State)} of
        {false, _} -> hide;
        {true, Other} when Other =/= none, Other =/= Nick -> refuse; % a change of nick
        {true, none} -> judge_another_room(Room, State);
        _ -> {ask, {join, Room}}
    end;
judge_presence(unavailable, {Room, Nick}, State) when Nick =/= <<>> ->
    case nick(Room, State) =/= none orelse is_asked({join, Room}, State) of
        true -> pass;
        false -> drop
    end;
judge_presence(_Type, _To, _State) ->
    refuse.

%% Joins that wait for their answers are not counted: there are no more of them than questions in all.
judge_another_room(Room, #{jid := From} = State) ->
    {_, Host, _} = jid:tolower(From),
    Max = option(Host, max_rooms),
    case Max > 0 andalso maps:size(maps:get(aviso_rooms, State, #{})) >= Max of
        true -> {refuse, xmpp:err_resource_constraint(<<"In too many rooms at once">>, <<"en">>)};
        false -> {ask, {join, Room}}
    end.

judge_iq(Type, To, _Els, _IQ, _State) when Type =:= result; Type =:= error ->
    case To of
        self -> pass;
        server -> pass;
        _ -> drop
    end;
judge_iq(Type, To, [{xmlel, Name, Attrs, _}], IQ, State) ->
    Namespace = attribute(<<"xmlns">>, Attrs),
    case {attribute(<<"node">>, Attrs), judge_query(Type, Name, Namespace, To)} of
        {<<>>, look} -> look(IQ, To, State);
        {<<>>, Verdict} -> Verdict;
        _ -> refuse
    end;
judge_iq(_Type, _To, _Els, _IQ, _State) ->
    refuse.

judge_query(get, <<"query">>, ?DISCO_INFO, self) -> pass;
judge_query(get, <<"query">>, ?DISCO_INFO, server) -> pass;
judge_query(get, <<"query">>, ?DISCO_INFO, rooms) -> pass;
judge_query(get, <<"query">>, ?DISCO_INFO, {_, <<>>}) -> look;
judge_query(get, <<"query">>, ?DISCO_ITEMS, server) -> pass;
judge_query(get, <<"query">>, ?DISCO_ITEMS, rooms) -> {answer, []};
judge_query(_, <<"query">>, ?MAM, {_, <<>>}) -> look;
judge_query(_, <<"query">>, ?MAM_1, {_, <<>>}) -> look;
judge_query(get, <<"ping">>, ?PING, self) -> pass;
judge_query(get, <<"ping">>, ?PING, server) -> pass;
judge_query(get, <<"ping">>, ?PING, {_, Nick}) when Nick =/= <<>> -> look;
judge_query(set, <<"session">>, ?SESSION, self) -> pass;
judge_query(set, <<"session">>, ?SESSION, server) -> pass;
judge_query(_, _, _, _) -> refuse.

%% A room that is there would notice what it can't read before it looks who asks; one that is not there would not.
look(IQ, {Room, Nick}, State) ->
    try xmpp:decode_els(IQ) of
        Decoded ->
            case is_open(Room, State) of
                true -> {ask, {Room, Nick, xmpp:get_id(IQ)}, Decoded};
                false when Nick =:= <<>> -> hide;
                false -> {hide, not_in()}
            end
    catch
        _:_ -> {refuse, xmpp:err_bad_request(<<"Not a query that can be read">>, <<"en">>)}
    end.

carry_out(pass, Packet, State) ->
    {Packet, State};
carry_out(drop, _Packet, State) ->
    {stop, {drop, State}};
carry_out(refuse, Packet, State) ->
    carry_out({refuse, xmpp:err_not_allowed(<<"Not allowed to send to that address">>, <<"en">>)}, Packet, State);
carry_out({refuse, Error}, Packet, #{owner := _} = State) ->
    case is_answer(Packet) of
        true -> {stop, {drop, State}}; % RFC 6120, 8.3.1: nobody answers an error
        false -> {stop, {drop, ejabberd_c2s:send(State, xmpp:make_error(xmpp:set_els(Packet, []), Error))}}
    end;
carry_out({refuse, Error}, Packet, State) -> % a call of the API, which is no session
    ejabberd_router:route_error(Packet, Error),
    {stop, {drop, State}};
carry_out({answer, Els}, Packet, State) ->
    El = {xmlel, <<"query">>, [{<<"xmlns">>, ?DISCO_ITEMS}], Els},
    ejabberd_router:route(xmpp:make_iq_result(Packet, El)),
    {stop, {drop, State}};
carry_out(hide, Packet, State) ->
    carry_out({hide, not_found()}, Packet, State);
carry_out({hide, Error}, Packet, #{owner := _} = State) ->
    hold(hidden(Packet, xmpp:get_to(Packet), xmpp:get_from(Packet), Error), now_ms(), State),
    {stop, {drop, State}};
carry_out({hide, Error}, Packet, State) ->
    carry_out({refuse, Error}, Packet, State);
carry_out({ask, Key}, Packet, State) ->
    carry_out({ask, Key, Packet}, Packet, State);
carry_out({ask, Key, Changed}, Packet, State) ->
    Asked = recent(maps:get(aviso_asked, State, #{})),
    Reading = reading(Key, Changed, maps:get(aviso_reading, State, #{})),
    %% Two questions under one id would be counted as one; joins have none, and may be repeated.
    IsTwice = tuple_size(Key) =:= 3 andalso maps:is_key(Key, Asked),
    case maps:size(Asked) < ?MAX_ASKED andalso maps:size(Reading) =< ?MAX_READING andalso not IsTwice of
        true -> {Changed, State#{aviso_asked => Asked#{Key => now_ms()}, aviso_reading => Reading}};
        false -> carry_out({refuse, xmpp:err_resource_constraint(<<"Too many questions">>, <<"en">>)}, Packet, State)
    end.

%% The questions of archives that wait for their answers, this one too if it is one.
reading(Key, Packet, Reading) ->
    case element(1, Packet) =:= iq andalso lists:member(xmpp:get_ns(hd(xmpp:get_els(Packet))), [?MAM, ?MAM_1]) of
        true ->
            Since = now_ms() - ?FORGET_MS,
            maps:put(Key, now_ms(), maps:filter(fun(_, At) -> At > Since end, Reading));
        false ->
            Reading
    end.

%% Forget what will not be answered any more; looked at only when there is much.
recent(Asked) when map_size(Asked) < ?MAX_ASKED ->
    Asked;
recent(Asked) ->
    Since = now_ms() - ?FORGET_MS,
    maps:filter(fun(_, At) -> At > Since end, Asked).

%% ---- what a user is told -------------------------------------------------------------------------------------------

user_receive_packet({Packet, #{jid := JID} = State} = Acc) when element(1, Packet) =:= iq;
                                                                element(1, Packet) =:= presence ->
    {_, Host, _} = jid:tolower(JID),
    Rooms = option(Host, rooms),
    case jid:tolower(xmpp:get_from(Packet)) of
        {Room, Rooms, Nick} when Room =/= <<>> ->
            case is_trusted(Host, JID) of
                true -> Acc;
                false -> receive_from(Room, Nick, Packet, State)
            end;
        _ ->
            Acc
    end;
user_receive_packet(Acc) ->
    Acc.

receive_from(Room, Nick, Packet, State) when element(1, Packet) =:= presence ->
    case xmpp:get_type(Packet) of
        %% What the room can do (XEP-0115): whoever wants to know asks, and a join has one stanza less.
        available when Nick =:= <<>> -> {stop, {drop, State}};
        error -> receive_error({join, Room}, Room, Packet, State);
        unavailable -> {Packet, leave(Room, Nick, State)};
        _ -> {Packet, enter(Room, Nick, Packet, State)}
    end;
receive_from(Room, Nick, Packet, State) ->
    Key = {Room, Nick, xmpp:get_id(Packet)},
    case {xmpp:get_type(Packet), Nick} of
        {error, <<>>} ->
            receive_error(Key, Room, Packet, State);
        {error, _} ->
            {At, State1} = answered(Key, leave(Room, Nick, State)),
            hold(hidden(Packet, not_in()), At, State1),
            {stop, {drop, State1}};
        _ ->
            {Packet, element(2, answered(Key, State))}
    end.

%% Who is in a room knows that it is there, and so does who is told that his nick is taken: that is looked at last.
receive_error(Key, Room, Packet, State) ->
    {At, State1} = answered(Key, State),
    IsConflict = element(1, Key) =:= join andalso condition(Packet) =:= <<"conflict">>,
    case IsConflict orelse nick(Room, State1) =/= none of
        true ->
            {Packet, State1};
        false ->
            hold(hidden(Packet, not_found()), At, State1),
            {stop, {drop, State1}}
    end.

%% Nothing of what the room or its absence wrote is left but whose answer to what it is.
hidden(Packet, Error) ->
    hidden(Packet, xmpp:get_from(Packet), xmpp:get_to(Packet), Error).

hidden(Packet, From, To, Error) ->
    Attrs = [{<<"type">>, <<"error">>}, {<<"id">>, xmpp:get_id(Packet)}],
    Bare = xmpp:decode({xmlel, atom_to_binary(element(1, Packet), latin1), Attrs, []}, <<"jabber:client">>, []),
    xmpp:set_from_to(xmpp:set_els(Bare, [Error]), jid:make(jid:tolower(From)), To).

not_found() ->
    xmpp:err_item_not_found(<<"There is no such room, or it is not open to you">>, <<"en">>).

not_in() ->
    xmpp:err_not_acceptable(<<"You are not in this room">>, <<"en">>).

hold(Packet, At, #{jid := JID}) ->
    {_, Host, _} = jid:tolower(JID),
    Hold = option(Host, hold),
    Late = (now_ms() - At) div Hold + 1,
    erlang:send_after(At + Late * Hold, self(), {?MODULE, Packet}, [{abs, true}]).

c2s_handle_info(State, {?MODULE, Packet}) ->
    {stop, ejabberd_c2s:send(State, Packet)};
c2s_handle_info(State, _Info) ->
    State.

%% In the room's own process, where it is known who may enter: nobody else asks it anything.
muc_process_iq(IQ, Room) ->
    case xmpp:get_type(IQ) =:= error orelse may_enter(xmpp:get_from(IQ), Room) of
        true -> IQ;
        false -> {stop, xmpp:make_error(xmpp:set_els(IQ, []), not_found())}
    end.

%% A room remembers the role of whoever was once a member, or a visitor of it while it was open, and lets him in by that
%% role although he is neither any more (mod_muc_room, get_occupant_initial_role; 23.01 and 26.07).
muc_filter_presence(Presence, Room, _Nick) ->
    case xmpp:get_type(Presence) =/= available orelse may_enter(xmpp:get_from(Presence), Room) of
        true ->
            Presence;
        false ->
            ejabberd_router:route_error(Presence, not_found()),
            {stop, drop}
    end.

%% `element`: the records' headers are not where the container's build could include them. The place of the
%% configuration in the state is the same in 23.01 and 26.07, and its fields are told.
may_enter(JID, Room) ->
    try
        Config = element(7, Room),
        Index = persistent_term:get({?MODULE, members_only}),
        case mod_muc_room:get_affiliation(JID, Room) of
            outcast -> false;
            none -> element(Index, Config) =:= false;
            _ -> true
        end
    catch
        _:_ -> false
    end.

%% What stands before the record's own fields differs from version to version; `title` is the first of them.
members_only_index() ->
    Fields = lists:dropwhile(fun(Name) -> Name =/= title end, mod_muc_room:config_fields()),
    [Index] = [N || {N, members_only} <- lists:zip(lists:seq(2, length(Fields) + 1), Fields)],
    Index.

%% ---- where a session is --------------------------------------------------------------------------------------------

%% A resumed session (XEP-0198) is another process.
c2s_copy_session(State, Old) ->
    maps:merge(State, maps:with([aviso_rooms, aviso_asked, aviso_reading], Old)).

enter(Room, Nick, Presence, State) ->
    case lists:member(<<"110">>, statuses(Presence)) of
        false ->
            State;
        true ->
            {_, State1} = answered({join, Room}, State),
            Rooms = maps:get(aviso_rooms, State1, #{}),
            leave_closed(State1#{aviso_rooms => Rooms#{Room => Nick}})
    end.

leave(Room, Nick, State) ->
    case nick(Room, State) of
        Nick -> State#{aviso_rooms => maps:remove(Room, maps:get(aviso_rooms, State))};
        _ -> State
    end.

%% Go out of the rooms that a ticket does not open any more.
leave_closed(#{jid := JID} = State) ->
    {_, Host, _} = jid:tolower(JID),
    [ejabberd_router:route(xmpp:set_from_to(going(), JID, jid:make(Room, option(Host, rooms), Nick)))
     || {Room, Nick} <- maps:to_list(maps:get(aviso_rooms, State, #{})), not is_open(Room, State)],
    State.

going() ->
    xmpp:decode({xmlel, <<"presence">>, [{<<"type">>, <<"unavailable">>}], []}, <<"jabber:client">>, []).

nick(Room, State) ->
    maps:get(Room, maps:get(aviso_rooms, State, #{}), none).

is_asked(Key, State) ->
    maps:is_key(Key, maps:get(aviso_asked, State, #{})).

%% When the question was asked that is answered now.
answered(Key, State) ->
    Asked = maps:get(aviso_asked, State, #{}),
    Reading = maps:remove(Key, maps:get(aviso_reading, State, #{})),
    {maps:get(Key, Asked, now_ms()), State#{aviso_asked => maps:remove(Key, Asked), aviso_reading => Reading}}.

is_open(Room, State) ->
    case mod_ticket:feeds(State) of
        all -> true;
        Feeds -> lists:member(Room, Feeds)
    end.

is_trusted(Host, JID) ->
    acl:match_rule(Host, option(Host, access), JID) =:= allow.

statuses(Presence) ->
    {xmlel, _, _, Children} = xmpp:encode(Presence),
    [attribute(<<"code">>, StatusAttrs)
     || {xmlel, <<"x">>, Attrs, Statuses} <- Children, attribute(<<"xmlns">>, Attrs) =:= ?MUC_USER,
        {xmlel, <<"status">>, StatusAttrs, _} <- Statuses].

condition(Packet) ->
    {xmlel, _, _, Children} = xmpp:encode(Packet),
    case [Name || {xmlel, <<"error">>, _, Parts} <- Children, {xmlel, Name, _, _} <- Parts, Name =/= <<"text">>] of
        [Name | _] -> Name;
        [] -> <<>>
    end.

is_answer(Packet) ->
    lists:member(xmpp:get_type(Packet), [error, result]).

attribute(Name, Attrs) ->
    proplists:get_value(Name, Attrs, <<>>).

option(Host, Name) ->
    gen_mod:get_module_opt(Host, ?MODULE, Name).

now_ms() ->
    erlang:monotonic_time(millisecond).
