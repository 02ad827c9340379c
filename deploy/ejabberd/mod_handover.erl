%% SPDX-License-Identifier: GPL-2.0-or-later

%% Begins a WebSocket only when its socket is its own. In the configuration it stands in the place of ejabberd_http_ws,
%% to which it hands on.
%%
%% The process that accepts connections starts one for each, and gives it the socket afterwards (ejabberd_listener,
%% start_connection; 23.01 and 26.07). One that is quicker than that asks for what comes while the socket is still the
%% other's: then the client's first message goes to the process that accepts, which never looks at it, and the client
%% waits until NEGOTIATION_TIMEOUT ends it. On a busy machine that was one login in some thousand.
%%
%% And it keeps which socket that is, for mod_fan_out, which writes there: a WebSocket without TLS, that ejabberd does
%% not compress either (23.01 and 26.07 can not).
-module(mod_handover).

-export([socket_handoff/3, wait_owner/1, plain_socket/1]).

-define(WAIT_MS, 10000).

socket_handoff(LocalPath, Request, Opts) ->
    ok = wait_owner(?WAIT_MS),
    %% `element`, as in mod_fence: #request.sockmod and .socket.
    element(17, Request) =:= gen_tcp andalso put(?MODULE, element(18, Request)),
    ejabberd_http_ws:socket_handoff(LocalPath, Request, Opts).

%% A port is linked with its owner, from the moment that it is his.
wait_owner(Ms) ->
    {links, Links} = process_info(self(), links),
    case lists:any(fun is_port/1, Links) of
        true -> ok;
        false when Ms > 0 -> receive after 1 -> wait_owner(Ms - 1) end;
        false -> {error, timeout}
    end.

%% Of the process that has a WebSocket; `none` if it has TLS, has ended, or was begun by somebody else.
plain_socket(Pid) ->
    case process_info(Pid, dictionary) of
        {dictionary, Kept} -> proplists:get_value(?MODULE, Kept, none);
        undefined -> none
    end.
