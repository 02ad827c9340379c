%% SPDX-License-Identifier: GPL-2.0-or-later

%% Keeps rooms as mod_muc_sql does (`db_type: feeds` of mod_muc), but asks nobody whose nick it is.
%%
%% Nicks can not be registered here (`access_register: none`). All the same a room would look each one up in the
%% database, at each join, and everybody in it would wait for the answer.
%%
%% The functions are those of mod_muc's backends, of 23.01 and 26.07.
-module(mod_muc_feeds).

-export([can_use_nick/4, init/2, import/3, export/1, store_room/5, store_changes/4, restore_room/3, forget_room/3,
         get_rooms/2, get_rooms_without_subscribers/2, get_hibernated_rooms_older_than/3, get_nick/3, get_nicks/2,
         set_nick/4, remove_user/2, get_subscribed_rooms/3, set_affiliation/6, set_affiliations/4, get_affiliation/5,
         get_affiliations/3, search_affiliation/4]).

can_use_nick(_ServerHost, _Host, _JID, _Nick) -> true.

init(A, B) -> mod_muc_sql:init(A, B).
import(A, B, C) -> mod_muc_sql:import(A, B, C).
export(A) -> mod_muc_sql:export(A).
store_room(A, B, C, D, E) -> mod_muc_sql:store_room(A, B, C, D, E).
store_changes(A, B, C, D) -> mod_muc_sql:store_changes(A, B, C, D).
restore_room(A, B, C) -> mod_muc_sql:restore_room(A, B, C).
forget_room(A, B, C) -> mod_muc_sql:forget_room(A, B, C).
get_rooms(A, B) -> mod_muc_sql:get_rooms(A, B).
get_rooms_without_subscribers(A, B) -> mod_muc_sql:get_rooms_without_subscribers(A, B).
get_hibernated_rooms_older_than(A, B, C) -> mod_muc_sql:get_hibernated_rooms_older_than(A, B, C).
get_nick(A, B, C) -> mod_muc_sql:get_nick(A, B, C).
get_nicks(A, B) -> mod_muc_sql:get_nicks(A, B).
set_nick(A, B, C, D) -> mod_muc_sql:set_nick(A, B, C, D).
remove_user(A, B) -> mod_muc_sql:remove_user(A, B).
get_subscribed_rooms(A, B, C) -> mod_muc_sql:get_subscribed_rooms(A, B, C).
set_affiliation(A, B, C, D, E, F) -> mod_muc_sql:set_affiliation(A, B, C, D, E, F).
set_affiliations(A, B, C, D) -> mod_muc_sql:set_affiliations(A, B, C, D).
get_affiliation(A, B, C, D, E) -> mod_muc_sql:get_affiliation(A, B, C, D, E).
get_affiliations(A, B, C) -> mod_muc_sql:get_affiliations(A, B, C).
search_affiliation(A, B, C, D) -> mod_muc_sql:search_affiliation(A, B, C, D).
