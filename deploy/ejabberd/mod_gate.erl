%% SPDX-License-Identifier: GPL-2.0-or-later

%% How much one address may ask for: connections, passwords, accounts. So that whoever asks for too much shuts out
%% himself, and nobody else.
%%
%% It is about what comes by WebSocket and BOSH, through the gateway, which says who is asking
%% (`trusted_proxies`); the pusher has a listener of its own. Of IPv6 the network counts (/64), within which an
%% address is free to change.
%%
%%  - connections: `connections` in all, and `waiting` of them that have not logged in
%%  - passwords: after `failures` wrong ones nobody logs in as an account from there until `failures_s` seconds are
%%    over, counted from the first. Guests and tickets are let in all the same: there is nothing to guess.
%%  - accounts: `registration` is open, closed, or limited to `registrations` an hour
%%
%% 0 is no limit. And no connection may pile up what it never finishes: a WebSocket's frames are put together before
%% anybody looks at their size.
-module(mod_gate).
-behaviour(gen_mod).

-export([start/2, stop/1, reload/3, depends/2, mod_options/1, mod_opt_type/1, mod_doc/0, c2s_init/2, c2s_terminated/2,
         c2s_auth_result/3, c2s_stream_started/2, c2s_pre_auth_features/2, c2s_unauthenticated_packet/2,
         register_user/2, sweep/0]).

%% {{Address, Pid of the session}, waiting | in, Pid of the socket}; ordered, so that one address is found by itself.
-define(CONNECTIONS, aviso_connections).
%% {{failures | accounts, Address}, Count, Until}
-define(COUNTS, aviso_counts).
-define(HOUR_S, 3600).
-define(SWEEP_MS, 5000).
%% More than any stanza, in or out.
-define(MAX_PENDING_BYTES, 2000000).

start(Host, _Opts) ->
    %% Whoever makes them ends; the heir does not.
    Options = [named_table, public, {write_concurrency, true}, {heir, erlang:group_leader(), none}],
    catch ets:new(?CONNECTIONS, [ordered_set | Options]),
    catch ets:new(?COUNTS, [set | Options]),
    case Host =:= ejabberd_config:get_myname() of
        true -> {ok, _} = timer:apply_interval(?SWEEP_MS, ?MODULE, sweep, []), ok;
        false -> ok
    end,
    %% A crash is logged with what the process was told last. Ten megabytes from a stranger took two gigabytes to print.
    [logger:update_formatter_config(Id, #{depth => 20, chars_limit => 20000}) || Id <- logger:get_handler_ids()],
    %% Asked before the host is known.
    ejabberd_hooks:add(c2s_init, ?MODULE, c2s_init, 50),
    each_hook(Host, add).

stop(Host) ->
    each_hook(Host, delete).

each_hook(Host, Do) ->
    ejabberd_hooks:Do(c2s_terminated, Host, ?MODULE, c2s_terminated, 10),
    ejabberd_hooks:Do(c2s_auth_result, Host, ?MODULE, c2s_auth_result, 10),
    ejabberd_hooks:Do(c2s_stream_started, Host, ?MODULE, c2s_stream_started, 10),
    %% After mod_register's and before it, which are at 50.
    ejabberd_hooks:Do(c2s_pre_auth_features, Host, ?MODULE, c2s_pre_auth_features, 90),
    ejabberd_hooks:Do(c2s_unauthenticated_packet, Host, ?MODULE, c2s_unauthenticated_packet, 10),
    ejabberd_hooks:Do(register_user, Host, ?MODULE, register_user, 10).

reload(_Host, _New, _Old) -> ok.

depends(_Host, _Opts) -> [].

mod_opt_type(accounts) -> econf:domain();
mod_opt_type(connections) -> econf:non_neg_int();
mod_opt_type(waiting) -> econf:non_neg_int();
mod_opt_type(failures) -> econf:non_neg_int();
mod_opt_type(failures_s) -> econf:pos_int();
mod_opt_type(registration) -> econf:enum([open, limited, closed]);
mod_opt_type(registrations) -> econf:non_neg_int().

mod_options(_Host) ->
    [{accounts, <<>>}, {connections, 0}, {waiting, 0}, {failures, 0}, {failures_s, 600}, {registration, closed},
     {registrations, 5}].

mod_doc() -> #{desc => <<"Bounds what one address may ask for.">>}.

%% ---- connections ---------------------------------------------------------------------------------------------------

c2s_init({ok, #{socket := Socket} = State}, _Opts) ->
    case address(State) of
        none ->
            {ok, State};
        Address ->
            case is_full(Address) of
                true ->
                    _ = xmpp_socket:close(Socket),
                    ignore; % the session ends
                false ->
                    ets:insert(?CONNECTIONS, {{Address, self()}, waiting, owner(Socket)}),
                    %% ejabberd does it when the stream begins; until then one could send as fast as the wire goes.
                    {ok, xmpp_stream_in:change_shaper(State, ejabberd_shaper:new(subscriber))}
            end
    end;
c2s_init(Acc, _Opts) ->
    Acc.

is_full(Address) ->
    has_as_many(Address, '_', option(connections)) orelse has_as_many(Address, waiting, option(waiting)).

%% Counting takes as long as there are connections of the address. Behind a proxy that does not say who is asking that
%% is all of them, and then there should be no limit, and no counting.
has_as_many(_Address, _State, 0) -> false;
has_as_many(Address, State, Limit) ->
    is_over(ets:select_count(?CONNECTIONS, [{{{Address, '_'}, State, '_'}, [], [true]}]), Limit).

is_over(_Count, 0) -> false;
is_over(Count, Limit) -> Count >= Limit.

%% Of a WebSocket or BOSH session the process that holds it: xmpp_socket, which knows it, does not tell.
owner(Socket) ->
    try (element(2, Socket)):get_owner(element(3, Socket))
    catch _:_ -> none
    end.

c2s_terminated(State, _Reason) ->
    case address(State) of
        none -> State;
        Address -> ets:delete(?CONNECTIONS, {Address, self()}), State
    end.

%% Forget who has ended without a word, and end who has sent more than a stanza and not finished it.
sweep() ->
    ets:foldl(fun look_at/2, ok, ?CONNECTIONS),
    Now = now_s(),
    ets:select_delete(?COUNTS, [{{'_', '_', '$1'}, [{'=<', '$1', Now}], [true]}]).

look_at({{_, Pid} = Key, _, Owner}, _) ->
    case is_process_alive(Pid) of
        false -> ets:delete(?CONNECTIONS, Key);
        true -> [exit(Each, kill) || Each <- linked(Owner), is_piling_up(Each)]
    end,
    ok.

linked(Owner) when is_pid(Owner) ->
    case process_info(Owner, links) of
        {links, Links} -> [Each || Each <- [Owner | Links], is_pid(Each)];
        undefined -> []
    end;
linked(_) ->
    [].

is_piling_up(Pid) ->
    pending_bytes(Pid) > ?MAX_PENDING_BYTES andalso begin
        erlang:garbage_collect(Pid),
        pending_bytes(Pid) > ?MAX_PENDING_BYTES
    end.

pending_bytes(Pid) ->
    case process_info(Pid, binary) of
        {binary, Binaries} -> lists:sum([Size || {_, Size, _} <- lists:ukeysort(1, Binaries)]);
        undefined -> 0
    end.

%% ---- passwords -----------------------------------------------------------------------------------------------------

c2s_auth_result(State, true, _User) ->
    case address(State) of
        none -> State;
        Address -> ets:update_element(?CONNECTIONS, {Address, self()}, {2, in}), State
    end;
c2s_auth_result(State, _Failed, _User) ->
    case guessed(State) of
        none -> State;
        Address -> count({failures, Address}, option(failures_s)), shut_out_guesser(State)
    end.

c2s_stream_started(State, _Start) ->
    shut_out_guesser(State).

shut_out_guesser(State) ->
    Address = guessed(State),
    case Address =/= none andalso is_over(counted({failures, Address}), option(failures)) of
        true ->
            Text = <<"Too many wrong passwords from your address; try again in some minutes">>,
            {stop, ejabberd_c2s:send(State, xmpp:serr_policy_violation(Text, <<"en">>))};
        false ->
            State
    end.

%% The address of who may guess: where accounts log in.
guessed(#{lserver := Host} = State) ->
    case option(accounts) of
        Host -> address(State);
        _ -> none
    end.

%% ---- accounts ------------------------------------------------------------------------------------------------------

c2s_pre_auth_features(Features, _Host) ->
    case option(registration) of
        closed -> [Each || Each <- Features, element(1, Each) =/= feature_register];
        _ -> Features
    end.

c2s_unauthenticated_packet(State, Packet) ->
    case asks_for_account(Packet) of
        false -> State;
        true -> register(option(registration), xmpp:get_type(Packet), Packet, State)
    end.

register(closed, _, IQ, State) ->
    refuse(IQ, xmpp:err_not_allowed(<<"No accounts are made here">>, <<"en">>), State);
register(limited, set, IQ, State) ->
    Key = {accounts, address(State)},
    %% Counted before it is made, and given back when it was not: many may ask at the same moment.
    case count(Key, ?HOUR_S) > option(registrations) of
        true ->
            ets:update_counter(?COUNTS, Key, -1),
            Text = <<"Too many accounts were made from your address in this hour">>,
            refuse(IQ, xmpp:err_resource_constraint(Text, <<"en">>), State);
        false ->
            erase(aviso_account_made),
            Answered = mod_register:c2s_unauthenticated_packet(State, IQ),
            case erase(aviso_account_made) of
                true -> ok;
                _ -> ets:update_counter(?COUNTS, Key, -1)
            end,
            Answered
    end;
register(_, _, _, State) ->
    State.

register_user(_User, _Host) ->
    put(aviso_account_made, true).

refuse(IQ, Error, State) ->
    {stop, ejabberd_c2s:send(State, xmpp:make_error(xmpp:set_els(IQ, []), Error))}.

asks_for_account(Packet) when element(1, Packet) =:= iq ->
    lists:member(xmpp:get_type(Packet), [get, set])
        andalso lists:any(fun(El) -> xmpp:get_ns(El) =:= <<"jabber:iq:register">> end, xmpp:get_els(Packet));
asks_for_account(_) ->
    false.

%% ---- counting ------------------------------------------------------------------------------------------------------

%% Count one more; the time runs from the first.
count(Key, Seconds) ->
    Now = now_s(),
    case ets:lookup(?COUNTS, Key) of
        [{_, _, Until}] when Until =< Now -> ets:delete(?COUNTS, Key);
        _ -> ok
    end,
    ets:update_counter(?COUNTS, Key, 1, {Key, 0, Now + Seconds}).

counted(Key) ->
    Now = now_s(),
    case ets:lookup(?COUNTS, Key) of
        [{_, Count, Until}] when Until > Now -> Count;
        _ -> 0
    end.

%% Who is asking; none: nobody from outside.
address(#{ip := {IP, _}, socket := _} = State) ->
    try xmpp_stream_in:get_transport(State) of
        tcp -> none;
        _ -> network(IP)
    catch
        _:_ -> none
    end;
address(#{ip := {IP, _}}) ->
    network(IP);
address(_) ->
    none.

network({0, 0, 0, 0, 0, 16#ffff, A, B}) -> {A bsr 8, A band 255, B bsr 8, B band 255};
network({A, B, C, D, _, _, _, _}) -> {A, B, C, D};
network(IP) -> IP.

option(Name) ->
    gen_mod:get_module_opt(ejabberd_config:get_myname(), ?MODULE, Name).

now_s() ->
    erlang:system_time(second).
