%% SPDX-License-Identifier: GPL-2.0-or-later

%% Tells everybody in a room who its owners are: whoever trusts a message asks for that (contracts/README.md), and the
%% pusher looks for older sessions of its own.
%%
%% A room would tell it too, but looks through all its occupants at each join: a thousand joins cost a million looks, in
%% the one process that also passes on the records; and in a room of more than `max_users_presence` it tells nobody. So
%% that is 0, which leaves each his own presence, and this module does what is left: with the owners alone, of whom
%% there are one or two.
%%
%% In the room's own process, which remembers the owners that came; before the room itself has looked at the presence.
-module(mod_speakers).
-behaviour(gen_mod).

-export([start/2, stop/1, reload/3, depends/2, mod_options/1, mod_doc/0, muc_filter_presence/3]).

-define(MUC_USER, <<"http://jabber.org/protocol/muc#user">>).

start(Host, _Opts) ->
    %% After mod_fence's, which is at 10: what it drops never comes here.
    ejabberd_hooks:add(muc_filter_presence, Host, ?MODULE, muc_filter_presence, 20).

stop(Host) ->
    ejabberd_hooks:delete(muc_filter_presence, Host, ?MODULE, muc_filter_presence, 20).

reload(_Host, _New, _Old) -> ok.

depends(_Host, _Opts) -> [].

mod_options(_Host) -> [].

mod_doc() -> #{desc => <<"Tells everybody in a room who its owners are.">>}.

muc_filter_presence(Presence, Room, Nick) ->
    try hear(xmpp:get_type(Presence), xmpp:get_from(Presence), Nick, Room)
    catch
        Class:Reason -> logger:error("The owners of a room can not be told: ~p:~p", [Class, Reason])
    end,
    Presence.

hear(available, JID, Nick, Room) ->
    LJID = jid:tolower(JID),
    case {maps:is_key(LJID, users(Room)), maps:is_key(Nick, nicks(Room))} of
        {false, true} -> ok; % refused: the nick is another's
        {IsIn, _} -> come(LJID, JID, Nick, IsIn, Room)
    end;
hear(unavailable, JID, _Nick, Room) ->
    LJID = jid:tolower(JID),
    case lists:keyfind(LJID, 1, here(Room)) of
        {_, {_, Nick}} -> tell(unavailable, LJID, JID, Nick, Room);
        false -> ok
    end;
hear(_Type, _JID, _Nick, _Room) ->
    ok.

come(LJID, JID, Nick, IsIn, Room) ->
    IsOwner = mod_muc_room:get_affiliation(JID, Room) =:= owner,
    Here = here(Room),
    [send(available, Each, IsOwner, OtherNick, JID, Room) || {Other, {Each, OtherNick}} <- Here, Other =/= LJID],
    case IsOwner andalso not IsIn of
        true ->
            put(?MODULE, [{LJID, {JID, Nick}} | Here]),
            tell(available, LJID, JID, Nick, Room);
        false ->
            ok
    end.

%% The owners that are in the room. Who was put out, or never got in, is forgotten.
here(Room) ->
    Known = case get(?MODULE) of
                undefined -> [];
                Kept -> Kept
            end,
    Here = [Each || {LJID, _} = Each <- Known, maps:is_key(LJID, users(Room))],
    put(?MODULE, Here),
    Here.

%% Everybody else. Only an owner is told whose address it is: the rooms are anonymous.
tell(Type, LJID, JID, Nick, Room) ->
    maps:fold(
      fun(Each, _, _) when Each =:= LJID -> ok;
         (_, User, _) ->
              To = element(2, User),
              send(Type, JID, mod_muc_room:get_affiliation(To, Room) =:= owner, Nick, To, Room)
      end, ok, users(Room)).

send(Type, JID, IsToOwner, Nick, To, Room) ->
    Role = case Type of available -> <<"moderator">>; unavailable -> <<"none">> end,
    Address = [{<<"jid">>, jid:encode(JID)} || IsToOwner],
    Item = {xmlel, <<"item">>, [{<<"affiliation">>, <<"owner">>}, {<<"role">>, Role} | Address], []},
    Attrs = [{<<"type">>, <<"unavailable">>} || Type =:= unavailable],
    Presence = {xmlel, <<"presence">>, Attrs, [{xmlel, <<"x">>, [{<<"xmlns">>, ?MUC_USER}], [Item]}]},
    %% `element`, as in mod_fence.
    From = jid:replace_resource(element(6, Room), Nick),
    ejabberd_router:route(xmpp:set_from_to(xmpp:decode(Presence, <<"jabber:client">>, []), From, To)).

users(Room) ->
    element(8, Room).

nicks(Room) ->
    element(12, Room).
