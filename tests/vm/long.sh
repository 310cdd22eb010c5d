# The steps that only the long form of tests/vm/run makes; it reads this file and calls them.
# shellcheck shell=bash disable=SC2154 # the variables are those of tests/vm/run

restarts=20
# Clicks in the store that is restored. How far a start is, is told every five seconds: it has to take longer than that.
clicks=${YAMABIKO_VM_CLICKS:-6000000}
# The answers that the loads have got.
acknowledged=0

# answered LOG...: adds what the clients of these logs were answered.
answered() {
    local log
    for log in "$@"; do
        acknowledged=$((acknowledged + $(sed -n 's/^ *\([0-9]*\) requests in .*/\1/p' "$log")))
    done
}
# The clicks that were counted, those of one visitor again and again among them.
counted() {
    local now
    now=$(date +%s)
    api GET "/api/v1/stats?group_by=total&from_ms=$((now - 86400))000&to_ms=$((now + 3600))000" | jq ".total.clicks + .total.repeats"
}
all_counted() {
    local there
    there=$(counted)
    [ "$there" -ge "$acknowledged" ] || fail "$there clicks are there, $acknowledged were acknowledged: $1"
    echo "$there clicks are there, $acknowledged were acknowledged to the loads: $1"
}

# Fills the store with clicks until there are as many as are wanted.
fill() {
    local there began=$SECONDS
    until there=$(counted) && [ "$there" -ge "$clicks" ]; do
        [ "$((SECONDS - began))" -lt 1800 ] || fail "only $there clicks in half an hour"
        on_net wrk -t 2 -c 64 --timeout 60s -d 20s -H 'User-Agent: Mozilla/5.0 (iPhone)' \
            "http://127.0.0.1:8080/c/$link?param1=fill" >"$work/fill.log"
        ! grep -Eq 'Socket errors|Non-2xx' "$work/fill.log" || fail "while it is filled: $(cat "$work/fill.log")"
        answered "$work/fill.log"
    done
    echo "filled in $((SECONDS - began)) s, the data directory has $(inside du -sm /var/lib/yamabiko | cut -f 1) MiB"
}

# Eight requests at once on a kept connection.
pipelined() {
    cat >"$work/pipelined.lua" <<'LUA'
init = function()
    local one = {}
    for i = 1, 8 do one[i] = wrk.format() end
    eight = table.concat(one)
end
request = function() return eight end
LUA
}

# The proxies of packaging/proxy on this machine's programs and the other one's network, without TLS.
nginx_before_it() {
    mkdir "$work/nginx"
    {
        printf 'user root;\nworker_processes 2;\npid %s/pid;\nevents { worker_connections 1024; }\nhttp {\n' "$work/nginx"
        for kind in client_body proxy fastcgi uwsgi scgi; do printf '%s_temp_path %s/%s;\n' "$kind" "$work/nginx" "$kind"; done
        sed -e 's/listen 443 ssl http2;/listen 127.0.0.1:8091;/' -e 's/listen 80;/listen 127.0.0.1:8093;/' \
            -e '/listen \[::\]/d' -e '/ssl_certificate/d' -e "s|/var/log/nginx/|$work/nginx/|" packaging/proxy/nginx.conf
        echo '}'
    } >"$work/nginx.conf"
    nsenter -t "$(leader)" -n /usr/sbin/nginx -p "$work/nginx" -c "$work/nginx.conf" -e "$work/nginx/errors" \
        -g 'daemon off;' &
    helpers+=($!)
}
caddy_before_it() {
    {
        printf '{\n\tadmin off\n}\n'
        sed 's|^track.example.jp {|http://127.0.0.1:8092 {|' packaging/proxy/Caddyfile
    } >"$work/Caddyfile"
    HOME=$work XDG_DATA_HOME=$work XDG_CONFIG_HOME=$work nsenter -t "$(leader)" -n \
        caddy run --adapter caddyfile --config "$work/Caddyfile" >"$work/caddy.log" 2>&1 &
    helpers+=($!)
}

# Twenty restarts while 64 clients keep their connections, 64 open one a request, and 64 send eight requests at once.
restarts_under_clients() {
    pipelined
    nginx_before_it
    caddy_before_it
    local port loads habit
    for port in 8080 8091 8092; do
        eventually 20 on_net curl -sf -m 5 "http://127.0.0.1:$port/readyz"
        loads=()
        for habit in kept fresh pipelined; do
            local more=()
            [ "$habit" = fresh ] && more=(-H 'Connection: close')
            [ "$habit" = pipelined ] && more=(-s "$work/pipelined.lua")
            # It is ended when the restarts are over; ten minutes bound it.
            # Not through on_net: it is wrk itself that the signal has to reach.
            nsenter -t "$(leader)" -n wrk -t 1 -c 64 --timeout 60s -d 600s -H 'User-Agent: Mozilla/5.0 (iPhone)' "${more[@]}" \
                "http://127.0.0.1:$port/c/$link?param1=$habit" >"$work/$port-$habit.log" 2>&1 &
            loads+=($!)
        done
        for _ in $(seq "$restarts"); do
            inside systemctl restart yamabiko.service
            eventually 30 on_net curl -sf -m 10 "http://127.0.0.1:$port/readyz"
        done
        for load in "${loads[@]}"; do kill -INT "$load"; done
        wait "${loads[@]}"
        for habit in kept fresh pipelined; do
            local log=$work/$port-$habit.log
            printf '%s, %s: %s\n' "$port" "$habit" "$(sed -n 's/^ *\([0-9]* requests in [0-9.]*[a-z]*\).*/\1/p' "$log")"
            grep -Eq '[1-9][0-9]* requests in' "$log" || fail "$habit on $port: no request: $(cat "$log")"
            ! grep -Eq 'Socket errors|Non-2xx' "$log" ||
                fail "$habit on $port: $(cat "$log") $(tail -n 3 "$work/nginx/errors")"
            answered "$log"
        done
    done
    all_there "after $((3 * restarts)) restarts"
}

# The authority of tests gives certificates of three minutes then: they are renewed after half of that, with an
# authority that refuses every other request and takes its time. Who asks meanwhile always gets a good one.
renewals() {
    local asked=0 until=$((SECONDS + 420)) serial last='' serials=0
    while [ "$(orders)" -lt 3 ] || [ "$serials" -lt 3 ]; do
        at_name 443 https://track.example.jp/readyz >/dev/null || fail "no good certificate, after $asked requests"
        serial=$(on_net openssl s_client -connect 127.0.0.1:443 -servername track.example.jp </dev/null 2>/dev/null |
            openssl x509 -noout -serial)
        if [ "$serial" != "$last" ]; then
            last=$serial
            serials=$((serials + 1))
        fi
        asked=$((asked + 1))
        [ "$SECONDS" -lt "$until" ] || fail "$(orders) orders and $serials certificates in seven minutes"
    done
    [ "$(orders)" -le 4 ] || fail "$(orders) orders for three certificates"
    printf '%s certificates in turn, %s orders, %s requests answered meanwhile\n' "$serials" "$(orders)" "$asked"
}

# A machine that was lost comes back elsewhere: from the backup, with delivery paused, by a start that takes longer than
# systemd waits.
elsewhere() {
    fill
    all_counted "before the backup"
    local began=$SECONDS
    inside yamabiko backup /root/backup.tar.lz4
    echo "the backup took $((SECONDS - began)) s and has $(du -m "$root/root/backup.tar.lz4" | cut -f 1) MiB"
    inside systemctl poweroff 2>/dev/null || true
    eventually 60 is_down
    wait "$machine" || true
    mv "$root/root/backup.tar.lz4" "$root/root/newer.deb" "$work/"
    rm -rf --one-file-system "$root"
    mv "$work/other" "$root"
    mv "$work/newer.deb" "$work/backup.tar.lz4" "$root/root/"
    boot
    eventually 60 is_booted
    inside dpkg -i /root/newer.deb >/dev/null 2>&1
    eventually 30 is_ready
    inside systemctl stop yamabiko.service
    began=$SECONDS
    inside yamabiko restore /root/backup.tar.lz4 --force --paused
    echo "the restore took $((SECONDS - began)) s"
    # systemd's 90 s for a store of hours; here for one of minutes.
    mkdir -p "$root/etc/systemd/system/yamabiko.service.d"
    printf '[Service]\nTimeoutStartSec=6\n' >"$root/etc/systemd/system/yamabiko.service.d/start.conf"
    inside systemctl daemon-reload
    began=$SECONDS
    inside systemctl start --no-block yamabiko.service
    local said=
    until is_ready >/dev/null 2>&1; do
        said=$(inside systemctl show -P StatusText yamabiko.service | grep 'Opening the store' || echo "$said")
        [ "$((SECONDS - began))" -lt 300 ] || fail "the restored server is not ready after five minutes"
        sleep 0.2
    done
    echo "the start after the restore took $((SECONDS - began)) s: ${said:-too short to be asked how far it is}"
    [ "$(inside systemctl show -P NRestarts yamabiko.service)" = 0 ] || fail "the long start was ended and begun again"
    [ "$((SECONDS - began))" -le 7 ] || [ -n "$said" ] || fail "a long start does not say how far it is"
    inside journalctl --no-pager -u yamabiko.service -o cat | grep 'the store is being opened' || [ -z "$said" ] ||
        fail "the log does not say how far a long start is"
    rm -r "$root/etc/systemd/system/yamabiko.service.d"
    inside systemctl daemon-reload
    all_there "on another machine, from the backup"
    all_counted "on another machine, from the backup"
    [ "$(api GET /api/v1/delivery | jq -r .is_paused)" = true ] || fail "delivery is not paused"
    inside yamabiko delivery resume
    click restored
    all_there "on another machine"
    settings=$root/etc/yamabiko/yamabiko.toml
}
