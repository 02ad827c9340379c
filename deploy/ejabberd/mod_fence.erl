%% Drops what a user has no business sending, whatever else would let it through.
%%
%% The room options refuse speech from visitors, but they do not stop a message from one user to another, and a
%% member of a room has voice even where it is moderated. This module stands in front of all of them:
%%
%%  - a message (chat, groupchat, private, invitation: any) goes nowhere at all;
%%  - presence and queries go to the sender's own account, the sender's own server and the listed domains (`to`);
%%  - accounts that match `access` (the pusher) are let through.
%%
%% It also lets a destroyed room be made again. mod_mam refuses a room whose archive is not empty, lest whoever makes
%% it anew gets to own another's past; here `access_create` lets nobody but the pusher make any, and the archive is
%% what it goes on from.
%%
%% A hook that crashes fails open: ejabberd logs it and goes on. So every clause here is total, and a test sends
%% each kind of stanza.
-module(mod_fence).
-behaviour(gen_mod).

-export([start/2, stop/1, reload/3, depends/2, mod_options/1, mod_opt_type/1, mod_doc/0, user_send_packet/1,
         check_create_room/4]).

start(Host, _Opts) ->
    ejabberd_hooks:add(user_send_packet, Host, ?MODULE, user_send_packet, 10),
    %% After mod_mam's, which is at 50: the last word counts.
    ejabberd_hooks:add(check_create_room, Host, ?MODULE, check_create_room, 90),
    ok.

stop(Host) ->
    ejabberd_hooks:delete(user_send_packet, Host, ?MODULE, user_send_packet, 10),
    ejabberd_hooks:delete(check_create_room, Host, ?MODULE, check_create_room, 90),
    ok.

reload(_Host, _New, _Old) -> ok.

depends(_Host, _Opts) -> [].

mod_opt_type(to) -> econf:list(econf:domain());
mod_opt_type(access) -> econf:acl().

mod_options(_Host) -> [{to, []}, {access, none}].

mod_doc() -> #{desc => <<"Keeps users from sending anything to one another.">>}.

check_create_room(_Acc, _Host, _Room, _Service) ->
    true.

user_send_packet({drop, _} = Acc) ->
    Acc;
user_send_packet({Packet, #{jid := From} = State} = Acc) ->
    case xmpp:get_to(Packet) of
        undefined ->
            Acc;
        To ->
            case is_allowed(element(1, Packet), To, From) of
                true ->
                    Acc;
                false ->
                    Error = xmpp:err_not_allowed(<<"Not allowed to send to that address">>, <<"en">>),
                    ejabberd_router:route_error(Packet, Error),
                    {stop, {drop, State}}
            end
    end;
user_send_packet(Acc) ->
    Acc.

is_allowed(Kind, To, From) ->
    Host = element(2, jid:tolower(jid:remove_resource(From))),
    (Kind =/= message andalso is_near(To, From, Host))
        orelse acl:match_rule(Host, gen_mod:get_module_opt(Host, ?MODULE, access), From) =:= allow.

is_near(To, From, Host) ->
    {ToUser, ToHost, _} = jid:tolower(To),
    {FromUser, _, _} = jid:tolower(From),
    (ToHost =:= Host andalso (ToUser =:= FromUser orelse ToUser =:= <<>>))
        orelse lists:member(ToHost, gen_mod:get_module_opt(Host, ?MODULE, to)).
