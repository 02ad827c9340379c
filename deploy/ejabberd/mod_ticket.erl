%% SPDX-License-Identifier: GPL-2.0-or-later

%% Tickets and tokens (contracts/README.md, "Tokens"): JSON Web Tokens, HS256, one secret.
%%
%%  - A ticket is the password on the ticket host. ejabberd_auth_jwt has checked its signature, `exp` and `sub` when
%%    check_decoded_jwt/5 is asked; what it leaves open is checked here: the algorithm, and that `feeds` is a list.
%%  - A session with a ticket ends at its `exp`, unless a fresh ticket of the same reader came before.
%%  - An account gets a token, which says who it is.
%%
%% feeds/1 says which feeds a session may enter. It fails closed: a session of the ticket host of which nothing is
%% known may enter none.
-module(mod_ticket).
-behaviour(gen_mod).

-export([start/2, stop/1, reload/3, depends/2, mod_options/1, mod_opt_type/1, mod_doc/0, feeds/1,
         check_decoded_jwt/5, c2s_session_opened/1, c2s_handle_info/2, user_send_packet/1]).
%% For the other module that an account's session asks.
-export([asked_of/3]).

-define(NS, <<"urn:aviso:token:0">>).
-define(TOKEN_S, 600).
%% A timer of Erlang runs 49 days at most; a longer ticket is looked at again.
-define(MAX_TIMER_S, 86400).
%% Within one process, from the check of a password to the session.
-define(CHECKED, '$mod_ticket').

start(Host, _Opts) ->
    each_hook(Host, add).

stop(Host) ->
    each_hook(Host, delete).

each_hook(Host, Do) ->
    %% After ejabberd_auth_jwt's own, which is at 100.
    ejabberd_hooks:Do(check_decoded_jwt, Host, ?MODULE, check_decoded_jwt, 110),
    ejabberd_hooks:Do(c2s_session_opened, Host, ?MODULE, c2s_session_opened, 10),
    ejabberd_hooks:Do(c2s_handle_info, Host, ?MODULE, c2s_handle_info, 10),
    %% Before mod_fence, which lets no other query pass.
    ejabberd_hooks:Do(user_send_packet, Host, ?MODULE, user_send_packet, 5).

reload(_Host, _New, _Old) -> ok.

depends(_Host, _Opts) -> [].

mod_opt_type(accounts) -> econf:domain();
mod_opt_type(tickets) -> econf:domain().

mod_options(_Host) -> [{accounts, <<>>}, {tickets, <<>>}].

mod_doc() -> #{desc => <<"Holds a ticket's session to what its ticket says, and gives accounts tokens.">>}.

%% The feeds that a session may enter, or `all`: then the rooms decide.
feeds(#{jid := JID} = State) ->
    {_, Host, _} = jid:tolower(JID),
    case Host =:= option(Host, tickets) of
        false -> all;
        true -> element(2, maps:get(aviso_ticket, State, {0, []}))
    end.

check_decoded_jwt(true, Fields, JWS, _Host, User) ->
    case is_ticket(Fields, JWS) of
        true ->
            put(?CHECKED, {User, ticket_of(Fields)}),
            true;
        false ->
            false
    end;
check_decoded_jwt(Acc, _Fields, _JWS, _Host, _User) ->
    Acc.

%% Of the mechanism's verdict nothing is left but what was put there: no ticket, no session.
c2s_session_opened(#{jid := JID} = State) ->
    {User, Host, _} = jid:tolower(JID),
    case {Host =:= option(Host, tickets), get(?CHECKED)} of
        {false, _} -> State;
        {true, {User, {Until, _} = Ticket}} -> wait_for(Until, State#{aviso_ticket => Ticket});
        {true, _} -> wait_for(0, State)
    end;
c2s_session_opened(State) ->
    State.

c2s_handle_info(State, {?MODULE, look}) ->
    {Until, _} = maps:get(aviso_ticket, State, {0, []}),
    case Until > now_s() of
        true ->
            {stop, wait_for(Until, State)};
        false ->
            Error = xmpp:serr_not_authorized(<<"The ticket is over">>, <<"en">>),
            {stop, ejabberd_c2s:send(State, Error)}
    end;
c2s_handle_info(State, _Info) ->
    State.

user_send_packet({Packet, #{jid := JID} = State} = Acc) when element(1, Packet) =:= iq ->
    {_, Host, _} = jid:tolower(JID),
    case asked_of(Host, ?NS, Packet) of
        {get, <<"token">>, _} -> {stop, {drop, give_token(Packet, Host, State)}};
        {set, <<"ticket">>, Text} -> {stop, {drop, take_ticket(Packet, Text, Host, State)}};
        _ -> Acc
    end;
user_send_packet(Acc) ->
    Acc.

%% What an iq asks of the host itself in this namespace: its type, its element's name and text; else none.
asked_of(Host, NS, IQ) ->
    To = xmpp:get_to(IQ),
    IsToHost = To =/= undefined andalso jid:tolower(To) =:= {<<>>, Host, <<>>},
    case {IsToHost, xmpp:get_els(IQ)} of
        {true, [{xmlel, Name, Attrs, _} = El]} ->
            case lists:keyfind(<<"xmlns">>, 1, Attrs) of
                {_, NS} -> {xmpp:get_type(IQ), Name, fxml:get_tag_cdata(El)};
                _ -> none
            end;
        _ -> none
    end.

give_token(IQ, Host, #{jid := JID} = State) ->
    case option(Host, accounts) of
        Host ->
            Now = now_s(),
            Claims = #{<<"sub">> => jid:encode(jid:remove_resource(JID)), <<"iat">> => Now,
                       <<"exp">> => Now + ?TOKEN_S, <<"jti">> => p1_rand:get_alphanum_string(24)},
            Signed = jose_jwt:sign(key(Host), #{<<"alg">> => <<"HS256">>}, Claims),
            {_, Token} = jose_jws:compact(Signed),
            Until = integer_to_binary(Now + ?TOKEN_S),
            El = {xmlel, <<"token">>, [{<<"xmlns">>, ?NS}, {<<"expires">>, Until}], [{xmlcdata, Token}]},
            answer(State, xmpp:make_iq_result(IQ, El));
        _ ->
            answer(State, refusal(IQ, xmpp:err_not_allowed(<<"Only accounts have tokens">>, <<"en">>)))
    end.

take_ticket(IQ, Text, Host, #{jid := JID, aviso_ticket := _} = State) ->
    case verify(Text, key(Host)) of
        {true, Fields, JWS} ->
            Sub = jid:encode(jid:remove_resource(JID)),
            IsGood = maps:get(<<"sub">>, Fields, none) =:= Sub andalso is_ticket(Fields, JWS)
                andalso maps:get(<<"exp">>, Fields) > now_s(),
            case IsGood of
                true ->
                    State1 = State#{aviso_ticket => ticket_of(Fields)},
                    answer(mod_fence:leave_closed(State1), xmpp:make_iq_result(IQ));
                false ->
                    answer(State, not_authorized(IQ))
            end;
        false ->
            answer(State, not_authorized(IQ))
    end;
take_ticket(IQ, _Text, _Host, State) ->
    answer(State, not_authorized(IQ)).

not_authorized(IQ) ->
    refusal(IQ, xmpp:err_not_authorized(<<"Not a ticket of this reader">>, <<"en">>)).

refusal(IQ, Error) ->
    xmpp:make_error(xmpp:set_els(IQ, []), Error).

answer(#{owner := _} = State, IQ) ->
    ejabberd_c2s:send(State, IQ);
answer(State, _IQ) -> % a call of the API, which nobody waits for
    State.

verify(Text, Key) ->
    try jose_jwt:verify(Key, Text) of
        {true, {jose_jwt, Fields}, JWS} -> {true, Fields, JWS};
        _ -> false
    catch
        _:_ -> false
    end.

is_ticket(#{<<"feeds">> := Feeds, <<"exp">> := Until}, JWS) when is_list(Feeds), is_integer(Until) ->
    lists:all(fun is_binary/1, Feeds) andalso algorithm(JWS) =:= <<"HS256">>;
is_ticket(_Fields, _JWS) ->
    false.

algorithm(JWS) ->
    try jose_jws:to_map(JWS) of
        {_, #{<<"alg">> := Name}} -> Name;
        _ -> none
    catch
        _:_ -> none
    end.

ticket_of(#{<<"feeds">> := Feeds, <<"exp">> := Until}) ->
    {Until, Feeds}.

wait_for(Until, State) ->
    Seconds = min(max(Until - now_s(), 0), ?MAX_TIMER_S),
    erlang:send_after(Seconds * 1000, self(), {?MODULE, look}),
    State.

key(Host) ->
    ejabberd_option:jwt_key(option(Host, tickets)).

option(Host, Name) ->
    gen_mod:get_module_opt(Host, ?MODULE, Name).

now_s() ->
    erlang:system_time(second).
