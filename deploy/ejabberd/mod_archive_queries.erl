%% SPDX-License-Identifier: GPL-2.0-or-later

%% Keeps every query of a room's archive short: the room answers it itself, and everybody in it waits meanwhile.
%%
%% With each page mod_mam asks the database how many messages there are, between the query's `start` and `end`: without
%% them it counts the whole room, from a page's own position on or not (mod_mam_sql, make_sql_query; 23.01 and 26.07). So
%% each query gets both: where its page begins and ends is asked first, which is one look into an index. The page is the
%% same; only its `count` is of the page, which XEP-0059 lets it be (an estimate), not of the room.
%%
%% A page holds MAX_PAGE messages, or MAX_PAGE_BYTES: whoever wants more asks on, as for any page that is not complete.
-module(mod_archive_queries).
-behaviour(gen_mod).

-export([start/2, stop/1, reload/3, depends/2, mod_options/1, mod_doc/0, muc_process_iq/2]).

-define(MAM, <<"urn:xmpp:mam:2">>).
-define(MAM_1, <<"urn:xmpp:mam:1">>).
-define(RSM, <<"http://jabber.org/protocol/rsm">>).
-define(DATA, <<"jabber:x:data">>).
%% What mod_mam gives at most, and what it gives to whoever does not say.
-define(MAX_PAGE, 250).
-define(DEFAULT_PAGE, 50).
-define(MAX_PAGE_BYTES, 1048576).

start(Host, _Opts) ->
    %% After mod_fence's, which is at 10, and before mod_mam's, which is at 50.
    ejabberd_hooks:add(muc_process_iq, Host, ?MODULE, muc_process_iq, 30).

stop(Host) ->
    ejabberd_hooks:delete(muc_process_iq, Host, ?MODULE, muc_process_iq, 30).

reload(_Host, _New, _Old) -> ok.

depends(_Host, _Opts) -> [{mod_mam, hard}].

mod_options(_Host) -> [].

mod_doc() -> #{desc => <<"Keeps queries of a room's archive short.">>}.

%% In the room's own process.
muc_process_iq(IQ, Room) when element(1, IQ) =:= iq ->
    case {xmpp:get_type(IQ), xmpp:get_els(IQ)} of
        {set, [Query]} ->
            case lists:member(xmpp:get_ns(Query), [?MAM, ?MAM_1]) of
                true -> bound(IQ, xmpp:encode(Query), Room);
                false -> IQ
            end;
        _ ->
            IQ
    end;
muc_process_iq(Acc, _Room) ->
    Acc.

bound(IQ, {xmlel, Name, Attrs, Children}, Room) ->
    try
        Wish = read(Children),
        {Max, Start, End} = find_page(Wish, Room),
        Bounded = {xmlel, Name, Attrs, [form(Attrs, Start, End), set(Max, Wish)]},
        xmpp:set_els(IQ, [xmpp:decode(Bounded, <<"jabber:client">>, [])])
    catch
        throw:Text ->
            {stop, xmpp:make_error(xmpp:set_els(IQ, []), xmpp:err_bad_request(Text, <<"en">>))};
        _:_ ->
            %% The database is away, most likely; what mod_mam would make of it is an empty page.
            Text = <<"The archive of the room can not be read">>,
            {stop, xmpp:make_error(xmpp:set_els(IQ, []), xmpp:err_internal_server_error(Text, <<"en">>))}
    end.

%% ---- what is asked for ---------------------------------------------------------------------------------------------

read(Children) ->
    Rsm = lists:append([Els || {xmlel, <<"set">>, _, Els} <- Children]),
    Fields = [{proplists:get_value(<<"var">>, Attrs), text(<<"value">>, Els)}
              || {xmlel, <<"x">>, _, Form} <- Children, {xmlel, <<"field">>, Attrs, Els} <- Form],
    [throw(<<"An archive is searched by start and end only">>)
     || {Var, _} <- Fields, not lists:member(Var, [<<"FORM_TYPE">>, <<"start">>, <<"end">>])],
    #{max => max_of(text(<<"max">>, Rsm)), before => id(text(<<"before">>, Rsm)), 'after' => id(text(<<"after">>, Rsm)),
      start => time(proplists:get_value(<<"start">>, Fields)), 'end' => time(proplists:get_value(<<"end">>, Fields))}.

max_of(none) -> ?DEFAULT_PAGE;
max_of(Text) -> min(binary_to_integer(Text), ?MAX_PAGE).

%% mod_mam takes what is no number for nothing, and gives the archive from its beginning.
id(none) -> none;
id(<<>>) -> newest;
id(Text) ->
    case re:run(Text, <<"^[0-9]{1,18}$">>) of
        {match, _} -> binary_to_integer(Text);
        nomatch -> throw(<<"An archive id is a number">>)
    end.

time(undefined) -> none;
time(none) -> none;
time(Text) ->
    try misc:now_to_usec(xmpp_util:decode_timestamp(Text))
    catch _:_ -> throw(<<"start and end are times (XEP-0082)">>)
    end.

text(Name, Els) ->
    case [xml(Content) || {xmlel, Each, _, Content} <- Els, Each =:= Name] of
        [Text | _] -> Text;
        [] -> none
    end.

xml(Content) ->
    iolist_to_binary([Text || {xmlcdata, Text} <- Content]).

%% ---- where the page begins and ends --------------------------------------------------------------------------------

%% Its messages, and one more that tells that there are more.
find_page(#{max := Max, before := Before} = Wish, Room) ->
    {Low, High} = span(Wish),
    Order = case Before of none -> <<"ASC">>; _ -> <<"DESC">> end,
    Rows = rows(Low, High, Order, Max + 1, Room),
    Fitting = fitting(Rows, Max),
    Far = case Rows of
              _ when length(Rows) > Fitting -> element(1, lists:nth(Fitting + 1, Rows));
              _ -> none
          end,
    case Before of
        none -> {Fitting, Low, lowest(Far, High)};
        _ -> {Fitting, highest(Far, Low), High}
    end.

%% Both ends belong to it, in microseconds since 1970.
span(#{before := Before, 'after' := After, start := Start, 'end' := End}) ->
    case {Before, After} of
        {none, After} when is_integer(After) -> {highest(After + 1, Start), End};
        {Before, _} when is_integer(Before) -> {Start, lowest(max(0, Before - 1), End)};
        _ -> {Start, End}
    end.

highest(none, B) -> B;
highest(A, none) -> A;
highest(A, B) -> max(A, B).

lowest(none, B) -> B;
lowest(A, none) -> A;
lowest(A, B) -> min(A, B).

fitting(Rows, Max) ->
    fitting(Rows, Max, ?MAX_PAGE_BYTES, 0).

fitting([{_, Bytes} | Rows], Max, Left, Count) when Count < Max, (Bytes =< Left orelse Count =:= 0) ->
    fitting(Rows, Max, Left - Bytes, Count + 1);
fitting([], Max, _Left, _Count) ->
    Max;
fitting(_Rows, _Max, _Left, Count) ->
    Count.

%% `element`, as in mod_fence.
rows(Low, High, Order, Limit, Room) ->
    [Name, Service, Host] = [element(N, Room) || N <- [2, 3, 4]],
    Query = [<<"SELECT timestamp, octet_length(xml) FROM archive WHERE server_host = ">>, quote(Host),
             <<" AND username = ">>, quote(jid:encode(jid:make(Name, Service))),
             [[<<" AND timestamp >= ">>, integer_to_binary(Low)] || Low =/= none],
             [[<<" AND timestamp <= ">>, integer_to_binary(High)] || High =/= none],
             <<" ORDER BY timestamp ">>, Order, <<" LIMIT ">>, integer_to_binary(Limit)],
    {selected, _, Rows} = ejabberd_sql:sql_query(Host, iolist_to_binary(Query)),
    [{binary_to_integer(Id), binary_to_integer(Bytes)} || [Id, Bytes] <- Rows].

quote(Text) ->
    [$', binary:replace(Text, <<"'">>, <<"''">>, [global]), $'].

%% ---- the query that mod_mam gets -----------------------------------------------------------------------------------

form(Attrs, Start, End) ->
    Namespace = proplists:get_value(<<"xmlns">>, Attrs),
    Times = [field(Var, stamp(Id)) || {Var, Id} <- [{<<"start">>, Start}, {<<"end">>, End}], Id =/= none],
    element(<<"x">>, [{<<"xmlns">>, ?DATA}, {<<"type">>, <<"submit">>}], [field(<<"FORM_TYPE">>, Namespace) | Times]).

field(Var, Value) ->
    element(<<"field">>, [{<<"var">>, Var}], [element(<<"value">>, [], [{xmlcdata, Value}])]).

stamp(Id) ->
    xmpp_util:encode_timestamp(misc:usec_to_now(Id)).

set(Max, #{before := Before, 'after' := After}) ->
    Ids = [element(Name, [], [{xmlcdata, written(Id)}])
           || {Name, Id} <- [{<<"before">>, Before}, {<<"after">>, After}], Id =/= none],
    element(<<"set">>, [{<<"xmlns">>, ?RSM}], [element(<<"max">>, [], [{xmlcdata, integer_to_binary(Max)}]) | Ids]).

written(newest) -> <<>>;
written(Id) -> integer_to_binary(Id).

element(Name, Attrs, Children) ->
    {xmlel, Name, Attrs, Children}.
