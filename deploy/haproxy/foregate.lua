-- Run here by the tests: the check of Foregate, as two actions for haproxy.cfg.
-- docs/haproxy.md gives the reason for each guard.
--
-- A request is allowed by the last line of the first action. So an error before that line denies it.

-- Headers of the client that the check does not have, because they describe its connection and body. HAProxy itself
-- removes Content-Length here, and Connection and Content-Length from the reply.
local OMITTED_FROM_CHECK = {
    ["connection"] = true,
    ["expect"] = true,
    ["host"] = true,
    ["keep-alive"] = true,
    ["proxy-connection"] = true,
    ["te"] = true,
    ["trailer"] = true,
    ["transfer-encoding"] = true,
}

-- Headers of Foregate's reply that describe its connection and body.
local OMITTED_FROM_REPLY = {
    ["keep-alive"] = true,
    ["transfer-encoding"] = true,
}

-- HAProxy 2.6 crashes if a check has more lines than tune.http.maxhdr, by default 101. Two lines are added here.
local MAX_CLIENT_LINES = 98

-- Foregate replies within five seconds. Without a reply, HAProxy sends the check three more times.
local TIMEOUT_MS = 6000

-- Returns the lines of a header as a Lua list. In HAProxy, their indexes begin at 0.
local function list_lines(lines)
    local list = {}
    while lines and lines[#list] do
        list[#list + 1] = lines[#list]
    end
    return list
end

-- Returns the headers of the check, or nil if the client sent too many lines. haproxy.cfg has set the other three
-- X-Forwarded headers that the check needs.
local function build_check(txn)
    local headers = {}
    local count = 0
    for name, lines in pairs(txn.http:req_get_headers()) do
        if not OMITTED_FROM_CHECK[name] then
            headers[name] = list_lines(lines)
            count = count + #headers[name]
        end
    end
    if count > MAX_CLIENT_LINES then
        return nil
    end
    headers["x-forwarded-method"] = { txn.f:method() }
    headers["x-forwarded-uri"] = { txn.f:pathq() }
    return headers
end

-- Sends Foregate's reply to the client, and ends the request.
local function send_reply(txn, received)
    local reply = txn:reply({ status = received.status, body = received.body })
    for name, lines in pairs(received.headers) do
        if not OMITTED_FROM_REPLY[name] then
            for _, line in ipairs(list_lines(lines)) do
                reply:add_header(name, line)
            end
        end
    end
    txn:done(reply)
end

-- Replaces the named headers of the client by those of Foregate's reply. Returns whether the request has exactly these
-- afterwards: HAProxy omits a header for which its buffer has no room, and reports no error.
local function replace_headers(txn, names, received)
    for _, name in ipairs(names) do
        txn.http:req_del_header(name)
    end
    for _, name in ipairs(names) do
        for _, line in ipairs(list_lines(received.headers[name])) do
            txn.http:req_add_header(name, line)
        end
    end
    local arrived = txn.http:req_get_headers()
    for _, name in ipairs(names) do
        if table.concat(list_lines(arrived[name]), "\n") ~= table.concat(list_lines(received.headers[name]), "\n") then
            return false
        end
    end
    return true
end

-- Sends the check. `url` is its URL, and `names` lists the headers that only Foregate may set, separated by commas.
core.register_action("foregate", { "http-req" }, function(txn, url, names)
    local headers = build_check(txn)
    if not headers then
        txn:done(txn:reply({ status = 431 }))
        return
    end
    local received = core.httpclient():get({ url = url, headers = headers, timeout = TIMEOUT_MS })
    if received.status ~= 200 then
        -- Without a usable reply, HAProxy makes one with 502, 503 or 504. Foregate uses neither 502 nor 504.
        if received.status >= 300 and received.status ~= 502 and received.status ~= 504 then
            send_reply(txn, received)
        end
        return
    end
    local owned = {}
    for name in names:lower():gmatch("[^,]+") do
        owned[#owned + 1] = name
    end
    if not replace_headers(txn, owned, received) then
        txn:Warning("foregate: the headers of the reply do not fit into the request: increase tune.maxrewrite")
        return
    end
    txn:set_priv(list_lines(received.headers["set-cookie"]))
    txn:set_var("txn.foregate_allowed", true)
end, 2)

-- Adds each Set-Cookie line of Foregate's reply to the response of the application.
core.register_action("foregate_cookies", { "http-res" }, function(txn)
    for _, cookie in ipairs(txn:get_priv() or {}) do
        txn.http:res_add_header("set-cookie", cookie)
    end
end)
