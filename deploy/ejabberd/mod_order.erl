%% Keeps the order of a room's archive, whatever the clock does.
%%
%% mod_mam takes a message's id, and with it its place in the archive, from the clock. After a restart with a clock that
%% was set back new messages would stand before old ones, and whoever asks for the newest, as the pusher does, would be
%% told of an old one. So each id is above all that the room's archive has; mod_mam keeps one that is there already
%% (23.01 and 26.07).
-module(mod_order).
-behaviour(gen_mod).

-export([start/2, stop/1, reload/3, depends/2, mod_options/1, mod_doc/0, muc_filter_message/3]).

start(Host, _Opts) ->
    %% Before mod_mam's, which is at 50.
    ejabberd_hooks:add(muc_filter_message, Host, ?MODULE, muc_filter_message, 10).

stop(Host) ->
    ejabberd_hooks:delete(muc_filter_message, Host, ?MODULE, muc_filter_message, 10).

reload(_Host, _New, _Old) -> ok.

depends(_Host, _Opts) -> [{mod_mam, hard}].

mod_options(_Host) -> [].

mod_doc() -> #{desc => <<"Gives each message of a room an archive id above those before it.">>}.

%% In the room's own process: what it has read once, it remembers. A message whose place can't be told is refused.
muc_filter_message(Packet, Room, _Nick) when element(1, Packet) =:= message ->
    try
        Newest = case get(?MODULE) of
                     undefined -> newest(Room);
                     Known -> Known
                 end,
        Id = max(erlang:system_time(microsecond), Newest + 1),
        put(?MODULE, Id),
        xmpp:put_meta(Packet, stanza_id, Id)
    catch
        _:_ ->
            Error = xmpp:err_internal_server_error(<<"The archive of the room can not be read">>, <<"en">>),
            ejabberd_router:route_error(Packet, Error),
            {stop, drop}
    end;
muc_filter_message(Packet, _Room, _Nick) ->
    Packet.

%% `element`, as in mod_fence: the records' headers are not where the container's build could include them.
newest(Room) ->
    [Name, Service, Host] = [element(N, Room) || N <- [2, 3, 4]],
    Query = [<<"SELECT max(timestamp) FROM archive WHERE server_host = ">>, quote(Host),
             <<" AND username = ">>, quote(jid:encode(jid:make(Name, Service)))],
    {selected, _, [[Id]]} = ejabberd_sql:sql_query(Host, iolist_to_binary(Query)),
    case Id of
        null -> 0;
        _ -> binary_to_integer(Id)
    end.

quote(Text) ->
    [$', binary:replace(Text, <<"'">>, <<"''">>, [global]), $'].
