-- What messaging/history_cache.py asks Redis. It follows chat_cache.lua in one script, and uses its functions.

local HISTORY = own .. 'history:'
local PROFILES, TOTAL = HISTORY .. 'profiles', HISTORY .. 'bytes'
-- In the order in which they are given up.
local TIERS = {'cold', 'frequent', 'hot'}
-- Conversations whose pages one call drops at most.
local DROPS_MAX = 500

local function pages_key(tier, room) return HISTORY .. tier .. ':' .. room end
local function index_key(tier) return HISTORY .. 'index:' .. tier end
local function sizes_key(tier) return HISTORY .. 'bytes:' .. tier end

local function note_size(tier, room, size)
  local known = tonumber(redis.call('HGET', sizes_key(tier), room) or '0')
  if size == known then return end
  if size > 0 then redis.call('HSET', sizes_key(tier), room, size) else redis.call('HDEL', sizes_key(tier), room) end
  redis.call('HINCRBY', TOTAL, tier, size - known)
end

local function drop(tier, room)
  redis.call('DEL', pages_key(tier, room))
  redis.call('ZREM', index_key(tier), room)
  note_size(tier, room, 0)
end

drop_pages = function(room)
  for _, tier in ipairs(TIERS) do drop(tier, room) end
end

local function totals()
  local all, found = 0, {}
  for i, tier in ipairs(TIERS) do
    found[i] = tonumber(redis.call('HGET', TOTAL, tier) or '0')
    all = all + found[i]
  end
  return all, found
end

-- Bytes by which all pages are too many: beyond their own budget, or because the server's memory is nearly full.
local function excess(all)
  local over = all - given.budget
  local memory = redis.pcall('INFO', 'memory')
  if type(memory) == 'string' then
    local used, most = string.match(memory, 'used_memory:(%d+)'), string.match(memory, '\nmaxmemory:(%d+)')
    if used and most and tonumber(most) > 0 then over = math.max(over, tonumber(used) - given.full * tonumber(most)) end
  end
  return over
end

-- Cold pages go first, frequent ones then, hot ones last; of a tier those whose time is over first.
local function make_room()
  local all = totals()
  local over, dropped = excess(all), 0
  for _, tier in ipairs(TIERS) do
    while over > 0 and dropped < DROPS_MAX do
      local room = redis.call('ZRANGE', index_key(tier), 0, 0)[1]
      if not room then break end
      over = over - tonumber(redis.call('HGET', sizes_key(tier), room) or '0')
      drop(tier, room)
      dropped = dropped + 1
    end
  end
  return dropped
end

-- The number of the last change of a profile. What was counted may be lost: then nothing from before is right.
local function last_profile()
  local last = redis.call('HGET', PROFILES, 'last')
  if not last then
    last = next_number()
    redis.call('DEL', PROFILES)
    redis.call('HSET', PROFILES, 'last', last, 'begun', last)
  end
  return last
end

-- Whether nobody who wrote on a page looks different since: its head is "state version moves profile first senders".
local function shows_senders(page, profile)
  local before, senders = string.match(page, '^%S+ %d+ %d+ (%d+) %d+ (%S*)\n')
  if not before then return false end
  if before == profile then return true end
  if tonumber(before) < tonumber(redis.call('HGET', PROFILES, 'begun') or profile) then return false end
  for sender in string.gmatch(senders, '[^,]+') do
    local changed = redis.call('HGET', PROFILES, sender)
    if changed and tonumber(changed) > tonumber(before) then return false end
  end
  return true
end

-- The pages of some rooms, which the database knows in this state: each with its room's `moves` and its tier.
function run.pages()
  if generation ~= given.generation then
    state = given.generation .. ':' .. token()
    redis.call('SET', STATE, state)
  end
  local profile, found = last_profile(), {}
  for i, room in ipairs(given.rooms) do
    local known = known_room(room.id, 'moves')
    if not known then keep_room(room) end
    if not known or not known[1] then
      known = {next_number()}
      redis.call('HSET', room_key(room.id), 'moves', known[1])
    end
    local page, its_tier = false, ''
    for _, tier in ipairs(room.page == '' and {'hot', 'frequent', 'cold'} or {'cold'}) do
      page = redis.call('HGET', pages_key(tier, room.id), room.page)
      if page then
        its_tier = tier
        break
      end
    end
    if page and not shows_senders(page, profile) then page = false end
    found[i] = {known[1], its_tier, page}
  end
  return {state or '', profile, found}
end

-- Keep a page, if nobody read, edited, recalled or changed their name since it was read from the database.
function run.keep_page()
  local known = known_room(given.room, 'moves', 'changed')
  if state ~= given.state or not known or known[1] ~= given.moves then return 0 end
  if tonumber(known[2] or '0') > given.version or last_profile() ~= given.profile then return 0 end
  local tier, room = given.tier, given.room
  local key = pages_key(tier, room)
  local before = redis.call('HSTRLEN', key, given.page)
  local size = tonumber(redis.call('HGET', sizes_key(tier), room) or '0')
  if redis.call('EXISTS', key) == 0 then size, before = 0, 0 end
  redis.call('HSET', key, given.page, ARGV[3])
  redis.call('PEXPIREAT', key, given.expires_at)
  redis.call('ZADD', index_key(tier), given.leaves_at, room)
  note_size(tier, room, size - before + #ARGV[3])
  if given.page == '' then
    for _, other in ipairs({'frequent', 'hot'}) do
      if other ~= tier then drop(other, room) end
    end
  end
  make_room()
  return 1
end

-- Move pages down whose time in a tier is over, and forget what is gone. Returns the bytes of the tiers, and counts.
function run.tidy()
  local demoted, dropped = 0, 0
  local function over(tier)
    return redis.call('ZRANGEBYSCORE', index_key(tier), '-inf', given.now, 'LIMIT', 0, DROPS_MAX)
  end
  for _, room in ipairs(over('hot')) do
    if redis.call('EXISTS', pages_key('hot', room)) == 1 then
      local leaves_at = tonumber(redis.call('ZSCORE', index_key('hot'), room)) + given.frequent_for
      drop('frequent', room)
      redis.call('RENAME', pages_key('hot', room), pages_key('frequent', room))
      redis.call('PEXPIREAT', pages_key('frequent', room), leaves_at)
      redis.call('ZADD', index_key('frequent'), leaves_at, room)
      note_size('frequent', room, tonumber(redis.call('HGET', sizes_key('hot'), room) or '0'))
      demoted = demoted + 1
    end
    drop('hot', room)
  end
  for _, tier in ipairs({'frequent', 'cold'}) do
    for _, room in ipairs(over(tier)) do
      drop(tier, room)
      dropped = dropped + 1
    end
  end
  for _, tier in ipairs(TIERS) do  -- those that the server gave up by itself
    for _, room in ipairs(redis.call('ZRANGE', index_key(tier), given.offset, given.offset + DROPS_MAX)) do
      if redis.call('EXISTS', pages_key(tier, room)) == 0 then drop(tier, room) end
    end
  end
  dropped = dropped + make_room()
  local _, found = totals()
  return {found, demoted, dropped}
end

-- A user looks different from now on.
function run.change_profile()
  local number = math.max(tonumber(last_profile()) + 1, tonumber(next_number()))
  number = string.format('%.0f', number)
  redis.call('HSET', PROFILES, given.user, number, 'last', number)
  return run.forget_rooms()
end

-- Some pages of a tier that would be sent, to compare them: room, name of the page, moves, page.
function run.some_pages()
  local profile, found = last_profile(), {}
  local rooms = given.among
  if not rooms[1] then
    rooms = redis.call('ZRANGE', index_key(given.tier), given.offset, given.offset + given.count - 1)
  end
  for _, room in ipairs(rooms) do
    local known, pages = known_room(room, 'moves'), redis.call('HGETALL', pages_key(given.tier, room))
    for i = 1, known and #pages or 0, 2 do
      if shows_senders(pages[i + 1], profile) then
        found[#found + 1] = {room, pages[i], known[1] or '', pages[i + 1]}
      end
    end
  end
  return {state or '', found}
end

function run.drop_pages()
  for _, room in ipairs(given.drop) do drop_pages(room) end
  return 1
end
