-- What messaging/chat_cache.py asks Redis: ARGV is the name of an operation, and its data as JSON.
-- Before it stand `own` and `documented`, the prefixes of keys; history_cache.lua follows.

local given = cjson.decode(ARGV[2])
local STATE, GUARD = own .. 'unread:state', own .. 'unread:guard'
local WEEK = given.week
local state = redis.call('GET', STATE) or false
local generation = state and string.match(state, '^(-?%d+):') or ''

local function token()
  local time = redis.call('TIME')
  return time[1] .. '.' .. time[2]
end

-- Forgets the pages of a room's history: history_cache.lua.
local drop_pages

-- A number that is greater than all before.
local function next_number()
  local time = redis.call('TIME')
  return string.format('%d%06d', time[1], time[2])
end

local function room_key(room) return own .. 'unread:room:' .. room end
local function user_key(user) return own .. 'unread:user:' .. user end

-- A room's fields in their order, or nothing where it is not known in this state.
local function known_room(room, ...)
  local known = redis.call('HMGET', room_key(room), 'state', ...)
  if not state or known[1] ~= state then return nil end
  table.remove(known, 1)
  return known
end

local function knows_user(user) return state and redis.call('HGET', user_key(user), 'state') == state end

-- The guard changes whenever something is forgotten: what was read from the database before is not kept then.
local function guard(changes)
  local known = redis.call('GET', GUARD)
  if changes or not known then
    known = token()
    redis.call('SET', GUARD, known)
  end
  return known
end

local function forget(user)
  redis.call('DEL', user_key(user))
  guard(true)
end

local function is_later(seq, version, reads, known)
  local one, other = {seq, version, reads}, {tonumber(known[1]), tonumber(known[2]), tonumber(known[3])}
  for i = 1, 3 do
    if other[i] == nil or one[i] > other[i] then return true end
    if one[i] < other[i] then return false end
  end
  return true
end

-- Every number of a room only grows, so each is kept if it is greater than the known one.
local function keep_room(room)
  local key = room_key(room.id)
  local known = known_room(room.id, 'version', 'said', 'seq', 'recall', 'last_seq', 'last_version', 'reads', 'changed')
  local fields = {}
  local function put(name, value)
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
  if not known then
    redis.call('DEL', key)
    known = {}
    put('state', state) put('version', room.version) put('said', room.said) put('seq', room.seq) put('at', room.at)
    put('recall', room.version) put('changed', room.version)  -- there may have been one
    put('moves', next_number())
  else
    if room.version > tonumber(known[1]) then put('version', room.version) put('at', room.at) end
    if room.said > tonumber(known[2]) then put('said', room.said) end
    if room.seq > tonumber(known[3]) then put('seq', room.seq) end
    if room.is_recall and room.version > tonumber(known[4]) then put('recall', room.version) end
    if room.is_change and room.version > tonumber(known[8] or '0') then put('changed', room.version) end
    if room.is_read then put('moves', next_number()) end
  end
  if room.last ~= '' and is_later(room.seq, room.last_version, room.reads, {known[5], known[6], known[7]}) then
    put('last', room.last) put('last_seq', room.seq) put('last_version', room.last_version) put('reads', room.reads)
  end
  if #fields > 0 then redis.call('HSET', key, unpack(fields)) end
  redis.call('EXPIRE', key, WEEK)
end

-- A member's base belongs to the room's version at which it was read. Of two pairs that do not follow each other
-- neither is right, unless the member has set their cursor back between them.
local function keep_member(user, room, back, version, base, peer)
  local key = user_key(user)
  if not knows_user(user) then return end
  local known = redis.call('HGET', key, room)
  if not known then return forget(user) end
  local times, before, was = string.match(known, '^(%d+) (%d+) (%d+) ')
  times, before, was = tonumber(times), tonumber(before), tonumber(was)
  if not times then return forget(user) end
  if back < times then return end
  if back > times or (version >= before and base >= was) then
    redis.call('HSET', key, room, string.format('%d %d %d %s', back, version, base, peer))
  elseif version > before or base > was then
    return forget(user)
  end
  redis.call('EXPIRE', key, WEEK)
end

-- From now on the documented keys of a member follow the messages of a group: see messaging/cache.py. A base that is
-- there says something else: it may be from before the member set their cursor back.
local function follow(room, user, base)
  local bases = own .. 'group:bases:' .. room
  redis.call('HSET', bases, user, base)
  redis.call('EXPIRE', bases, WEEK)
end

local run = {}

function run.keep()
  for _, room in ipairs(given.rooms) do
    if room.is_change then drop_pages(room.id) end
  end
  if not state then return 0 end
  for _, room in ipairs(given.rooms) do keep_room(room) end
  for _, member in ipairs(given.members) do keep_member(unpack(member)) end
  return 1
end

function run.fill()
  if generation ~= given.generation then
    state = given.generation .. ':' .. token()
    redis.call('SET', STATE, state)
  end
  if guard(false) ~= given.guard then return 0 end
  for _, room in ipairs(given.rooms) do keep_room(room) end
  if not given.user then return 1 end
  local key = user_key(given.user)
  if knows_user(given.user) then
    for _, member in ipairs(given.members) do keep_member(given.user, unpack(member)) end
    return 1
  end
  redis.call('DEL', key)
  redis.call('HSET', key, 'state', state)
  for _, member in ipairs(given.members) do
    local entry = string.format('%d %d %d %s', member[2], member[3], member[4], member[5])
    redis.call('HSET', key, member[1], entry)
  end
  redis.call('EXPIRE', key, WEEK)
  return 1
end

-- The chats with something unread: room, peer, count, time, last message. Without a row beside guard and generation:
-- something is missing or in doubt. A documented count that says something else is put right.
function run.unread()
  local seen, rows = {guard(false), generation, 0}, {}
  if not knows_user(given.user) then return seen end
  local entries = redis.call('HGETALL', user_key(given.user))
  for i = 1, #entries, 2 do
    local room = entries[i]
    if room ~= 'state' then
      local version, base, peer = string.match(entries[i + 1], '^%d+ (%d+) (%d+) (.*)$')
      local known = known_room(room, 'said', 'recall', 'seq', 'last_seq', 'at')
      if not version or not known or tonumber(version) < tonumber(known[2]) then return seen end
      local count = math.max(0, tonumber(known[1]) - tonumber(base))
      local last
      if count > 0 then
        last = redis.call('HGET', room_key(room), 'last')
        if not last or known[3] ~= known[4] then return seen end
        rows[#rows + 1] = {room, peer, count, known[5], last}
      end
      local tail = given.user .. ':' .. (peer ~= '' and peer or room)
      local kind = documented .. (peer ~= '' and 'user:' or 'group:')
      local mirror = kind .. 'unread:' .. tail
      if (redis.call('GET', mirror) or '0') ~= tostring(count) then
        redis.call('SET', mirror, count, 'EX', WEEK)
        if last then redis.call('SET', kind .. 'lastmsg:' .. tail, last, 'EX', WEEK) end
        if peer == '' then follow(room, given.user, tonumber(base)) end
      end
    end
  end
  return {seen[1], seen[2], 1, rows}
end

-- The last messages of rooms, each as it was at this seq and at this version or a later one; false where it is not here.
function run.lasts()
  local found = {}
  for i, room in ipairs(given.rooms) do
    local known = known_room(room[1], 'version', 'last_seq', 'last')
    local is_here = known and known[3] and tonumber(known[1]) >= room[3] and tonumber(known[2]) == room[2]
    found[i] = is_here and known[3] or false
  end
  return {guard(false), generation, found}
end

function run.forget_users()
  for _, user in ipairs(given.users) do redis.call('DEL', user_key(user)) end
  return guard(true)
end

function run.forget_rooms()
  for _, room in ipairs(given.rooms) do
    redis.call('DEL', room_key(room))
    drop_pages(room)
  end
  return guard(true)
end
