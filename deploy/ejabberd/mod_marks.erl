%% SPDX-License-Identifier: GPL-2.0-or-later

%% What an account keeps of feeds, so that it is the same on each of its devices: how far it has read each, and which
%% it has muted, pinned, and wants to be told of (contracts/README.md, "Marks").
%%
%% An account's session asks its own server for them, and changes them; all of the account's sessions are told of what
%% changed, this one too: several tabs of a browser may share it.
%% Whose they are is the session's own address: nobody can name another's. They go with the account.
%%
%% What may be in them, what a change does to them and how many there may be is one function in the database
%% (mod_marks.sql): of two devices at a time none takes back what the other has read.
-module(mod_marks).
-behaviour(gen_mod).

-export([start/2, stop/1, reload/3, depends/2, mod_options/1, mod_doc/0, user_send_packet/1, remove_user/2]).

-define(NS, <<"urn:aviso:marks:0">>).
%% 100 changes as a browser writes them.
-define(MAX_BYTES, 32768).
%% Questions of a session at once, and after how many milliseconds there is another one.
-define(MOST, 30).
-define(EACH_MS, 1000).

start(Host, _Opts) ->
    spawn(fun() -> mod_feed_archive:load_schema(Host, ?MODULE) end),
    each_hook(Host, add).

stop(Host) ->
    each_hook(Host, delete).

each_hook(Host, Do) ->
    %% Before mod_fence, which lets no other query pass.
    ejabberd_hooks:Do(user_send_packet, Host, ?MODULE, user_send_packet, 5),
    ejabberd_hooks:Do(remove_user, Host, ?MODULE, remove_user, 50).

reload(_Host, _New, _Old) -> ok.

%% By which the database is asked.
depends(_Host, _Opts) -> [{mod_feed_archive, hard}].

mod_options(_Host) -> [].

mod_doc() -> #{desc => <<"Keeps what an account has read and marked.">>}.

%% Whoever makes an account of the same name anew has nothing of it.
remove_user(User, Host) ->
    ask(Host, [<<"DELETE FROM feed_marks WHERE server_host = ">>, text(Host), <<" AND username = ">>, text(User)]).

user_send_packet({Packet, #{jid := JID, owner := _} = State} = Acc) when element(1, Packet) =:= iq ->
    {User, Host, _} = jid:tolower(JID),
    case mod_ticket:asked_of(Host, ?NS, Packet) of
        {get, <<"marks">>, _} -> {stop, {drop, allow(get, Packet, User, Host, State)}};
        {set, <<"marks">>, Changes} -> {stop, {drop, allow({set, Changes}, Packet, User, Host, State)}};
        _ -> Acc
    end;
user_send_packet(Acc) ->
    Acc.

allow(Question, IQ, User, Host, State) ->
    Now = erlang:monotonic_time(millisecond),
    %% When all that was asked is paid for.
    Until = max(maps:get(aviso_marks, State, Now), Now) + ?EACH_MS,
    case Until - Now > ?MOST * ?EACH_MS of
        true -> refuse(IQ, xmpp:err_resource_constraint(<<"Too many questions">>, <<"en">>), State);
        false -> answer(Question, IQ, User, Host, State#{aviso_marks => Until})
    end.

answer(get, IQ, User, Host, State) ->
    case ask(Host, [<<"SELECT feed_marks_of(">>, text(Host), $,, text(User), $)]) of
        {ok, [[Marks]]} -> ejabberd_c2s:send(State, xmpp:make_iq_result(IQ, marks(Marks)));
        _ -> fail(IQ, State)
    end;
answer({set, Changes}, IQ, _, _, State) when byte_size(Changes) > ?MAX_BYTES ->
    unreadable(IQ, State);
answer({set, Changes}, IQ, User, Host, State) ->
    Statement = [<<"SELECT change_feed_marks(">>, text(Host), $,, text(User), $,, text(Changes), $)],
    case ask(Host, Statement) of
        {ok, [[null]]} ->
            unreadable(IQ, State);
        {ok, [[Marks]]} ->
            tell(Marks, User, Host),
            ejabberd_c2s:send(State, xmpp:make_iq_result(IQ));
        _ ->
            fail(IQ, State)
    end.

tell(Marks, User, Host) ->
    El = {xmlel, <<"message">>, [{<<"type">>, <<"headline">>}], [marks(Marks)]},
    Message = xmpp:decode(El, <<"jabber:client">>, []),
    [ejabberd_router:route(xmpp:set_from_to(Message, jid:make(Host), jid:make(User, Host, Resource)))
     || Resource <- ejabberd_sm:get_user_resources(User, Host)].

marks(Text) ->
    {xmlel, <<"marks">>, [{<<"xmlns">>, ?NS}], [{xmlcdata, Text}]}.

unreadable(IQ, State) ->
    refuse(IQ, xmpp:err_bad_request(<<"Not changes of marks that can be read">>, <<"en">>), State).

fail(IQ, State) ->
    refuse(IQ, xmpp:err_internal_server_error(<<"The marks can not be had">>, <<"en">>), State).

refuse(IQ, Error, State) ->
    ejabberd_c2s:send(State, xmpp:make_error(xmpp:set_els(IQ, []), Error)).

ask(Host, Statement) ->
    mod_feed_archive:ask(Host, ?MODULE, Statement).

text(Text) ->
    mod_feed_archive:text(Text).
