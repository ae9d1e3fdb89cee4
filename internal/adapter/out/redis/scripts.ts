/**
 * One source's news, in one step of the server. All keys are of one hash slot.
 * KEYS: source, latest, then one for each minute of a pair.
 * ARGV: start of this run (Unix ms), its tag, full (1 or 0), sequence expected, whether pairs were said (1 or 0), the
 * new value of the source's key; then the number of pairs and (symbol, value) of each; then for each further key: time
 * to live in ms, number of seconds, and (second, value) of each.
 * Returns the outcome, then the keys that hold something foreign; of `superseded` the other run's start and what it wrote.
 */
export const PUBLISH = `
local startedAt, tag, full, sequence, saidPairs = tonumber(ARGV[1]), ARGV[2], ARGV[3] == '1', ARGV[4], ARGV[5] == '1'
local answer = {'done'}
local function holds(key, kind)
  local is = redis.call('TYPE', key).ok
  if is == kind or is == 'none' then return is == kind end
  answer[#answer + 1] = key
  return nil
end

local known = holds(KEYS[1], 'string')
if known == nil then return answer end
local heldTag = nil
if known then
  local text = redis.call('GET', KEYS[1])
  local heldStart, held, heldSequence = string.match(text, '^(%d+) (%S+) (%d+) ')
  if held == nil then
    answer[#answer + 1] = KEYS[1]
    return answer
  end
  if held ~= tag and tonumber(heldStart) > startedAt then return {'superseded', heldStart, text} end
  if not full and (held ~= tag or heldSequence ~= sequence) then return {'lost'} end
  heldTag = held
elseif not full then
  return {'lost'}
end

local latest = holds(KEYS[2], 'hash')
if latest == false and saidPairs and not full then return {'lost'} end
if latest and full and heldTag ~= nil and heldTag ~= tag then
  redis.call('DEL', KEYS[2])
end

local at = 7
local pairCount = tonumber(ARGV[at])
at = at + 1
for _ = 1, pairCount do
  if latest ~= nil then
    local symbol, value = ARGV[at], ARGV[at + 1]
    local held = redis.call('HGET', KEYS[2], symbol)
    local isNewer = true
    if held then
      local event, position = string.match(value, '^(%S+) (%S+) ')
      local heldEvent, heldPosition = string.match(held, '^(%S+) (%S+) ')
      event, position, heldEvent, heldPosition = tonumber(event), tonumber(position), tonumber(heldEvent), tonumber(heldPosition)
      if heldEvent ~= nil and heldPosition ~= nil then
        isNewer = event > heldEvent or (event == heldEvent and position >= heldPosition)
      end
    end
    if isNewer then redis.call('HSET', KEYS[2], symbol, value) end
  end
  at = at + 2
end

for k = 3, #KEYS do
  local ttl, count = ARGV[at], tonumber(ARGV[at + 1])
  at = at + 2
  if holds(KEYS[k], 'hash') == nil then
    at = at + 2 * count
  else
    local changed = {}
    for _ = 1, count do
      local second, value = ARGV[at], ARGV[at + 1]
      at = at + 2
      local held = redis.call('HGET', KEYS[k], second)
      local by, heldPosition, heldCount
      if held then by, heldPosition, heldCount = string.match(held, '^(%S+) (%d+) (%d+) ') end
      local isNewer = true
      if by == tag then
        local position, ticks = string.match(value, '^%S+ (%d+) (%d+) ')
        isNewer = ticks ~= heldCount and tonumber(position) > tonumber(heldPosition)
      end
      if isNewer then
        changed[#changed + 1] = second
        changed[#changed + 1] = value
      end
    end
    if #changed > 0 then
      redis.call('HSET', KEYS[k], unpack(changed))
      redis.call('PEXPIRE', KEYS[k], ttl)
    end
  end
end

redis.call('SET', KEYS[1], ARGV[6])
return answer
`;

/** KEYS: report. ARGV: the value, JSON that begins with `atMs`; time to live in ms. Returns as above. */
export const REPORT = `
local is = redis.call('TYPE', KEYS[1]).ok
local isOurs = is == 'none' or (is == 'string' and string.find(redis.call('GET', KEYS[1]), '{"atMs":', 1, true) == 1)
if not isOurs then return {'done', KEYS[1]} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {'done'}
`;

/** KEYS: current. ARGV: start of this run (Unix ms), its tag, the new value. Returns as above. */
export const ANNOUNCE = `
local is = redis.call('TYPE', KEYS[1]).ok
if is ~= 'none' and is ~= 'string' then return {'done', KEYS[1]} end
if is == 'string' then
  local held = redis.call('GET', KEYS[1])
  local heldStart, tag = string.match(held, '^(%d+) (%S+) ')
  if tag == nil then return {'done', KEYS[1]} end
  if tag ~= ARGV[2] and tonumber(heldStart) > tonumber(ARGV[1]) then return {'superseded', heldStart} end
  if held == ARGV[3] then return {'done'} end
end
redis.call('SET', KEYS[1], ARGV[3])
return {'done'}
`;
