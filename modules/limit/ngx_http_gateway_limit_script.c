/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The scripts that decide and change limits in Redis: gw_limit.c in Lua.
 *
 * The state of a key is one string with a time to live:
 *
 *   gcra     the time at which the key is idle again
 *   fixed    end of the window : units used in it
 *   sliding  number of the window : units used in it : and in the one before
 *
 * Times are in microseconds by the clock of Redis, which fit a double until the
 * year 2255.  They are written with "%.0f", since tostring() of Lua keeps only
 * fourteen digits.  The clocks of nodes are not used.
 *
 * Windows of a fixed length follow the clock of Redis.  Calendar windows are
 * known to the gateway only.  It passes two of them: the current one, and the
 * next one, in case the script runs a little later.  If the time of Redis is in
 * neither, windows of the same length are added until it is in one; for months
 * this is an estimate.  Used units count until their window has ended by the
 * clock of Redis, whatever a node passes.  A node can make such a window end
 * earlier, if the end that it passes is certain, but never later.
 *
 * The decide script takes most of the time of Redis.  So it writes with "%d",
 * which takes half the time, unless a C long has 32 bits; and it creates the
 * table of its reply in the size that three limits need.  Together this saves
 * 8 % of a call with three limits.
 *
 * The decide script writes only if all limits of a call pass, except limits
 * with "penalty".  The scripts run in Lua 5.1 to 5.4, and in Redis 5 or later,
 * which replicates their effects and not the scripts.
 */

#include "ngx_http_gateway_limit_script.h"


/* the constants of the header as local variables: "local look=108" */

#define ngx_http_gateway_limit_script_local(NAME, name, byte)                 \
    "local " #name "=" #byte "\n"


/*
 * KEYS: one for each limit.  ARGV, for each limit:
 *
 *   1  the byte of the algorithm, and that of the mode, if any
 *   2  gcra: us per unit; fixed, sliding: units of a window
 *   3  gcra: units that an idle key has; fixed: end of the window; sliding:
 *      its length in us
 *   4  units to charge
 *   5  gcra: "most" of gw_limit_t, in us; fixed: end of the next window, or the
 *      length of a window of a fixed length
 *   6  fixed: start of the window; 0: it has a fixed length
 *
 * Returns whether all pass, the time, and for each limit: units left, us until
 * the key is idle or the window ends, us until the units may pass (0: now, -1:
 * never).
 */

/*
 * The end of the current window, and whether the units of a state whose window
 * ends at x (0: there is no state) count in it.
 */

#define NGX_HTTP_GATEWAY_LIMIT_WINDOW_LUA                                     \
"local function window(S,B,C,x,now)\n"                                        \
" if S==0 then\n"                                                             \
"  local e=(floor(now/C)+1)*C\n"                                              \
"  if x>e and x<=e+C then e=x end\n"                                          \
"  return e,x==e\n"                                                           \
" end\n"                                                                      \
" local e,D,sure=B,B-S,true\n"                                                \
" if now<S then e,sure=B-ceil((S-now)/D)*D,false\n"                           \
" elseif now>=C then\n"                                                       \
"  D=C-B\n"                                                                   \
"  e,sure=C+(floor((now-C)/D)+1)*D,false\n"                                   \
" elseif now>=B then e=C end\n"                                               \
" local keep=x>now and x<=now+2*D\n"                                          \
" if keep and (x<e or not sure) then e=x end\n"                               \
" return e,keep\n"                                                            \
"end\n"


static const char  ngx_http_gateway_limit_decide_lua[] =
NGX_HTTP_GATEWAY_LIMIT_SCRIPT_BOTH(ngx_http_gateway_limit_script_local)
NGX_HTTP_GATEWAY_LIMIT_SCRIPT_DECIDE(ngx_http_gateway_limit_script_local)
"local call,fmt,floor,ceil,byte=redis.call,string.format,"
    "math.floor,math.ceil,string.byte\n"
"local t=call('TIME')\n"
"local now=t[1]*1000000+t[2]\n"
"local n=#KEYS\n"
"local F=fmt('%d',2^40)=='1099511627776' and '%d' or '%.0f'\n"
NGX_HTTP_GATEWAY_LIMIT_WINDOW_LUA
"local v\n"
"if n==1 then v={call('GET',KEYS[1])}\n"
"else v=call('MGET',(table.unpack or unpack)(KEYS)) end\n"
"local ok,j,o=1,1,1\n"
"local S,P,slide={0,0,0,0,0,0,0,0,0,0,0,0}\n"
"for i=1,n do\n"
" local k,mode=byte(ARGV[o],1,2)\n"
" local A,B,q=ARGV[o+1]+0,ARGV[o+2]+0,ARGV[o+3]+0\n"
" local s,w,u,f,e=v[i] or '',0\n"
" if k==gcra then\n"
"  e=A*B\n"
"  u=(tonumber(s) or 0)-now\n"
"  if not (u>0) then u=0 elseif u>2*e and u>2*ARGV[o+4] then\n"
"   u=2*ARGV[o+4]\n"
"   if mode~=look and mode~=dry_look then\n"
"    call('SET',KEYS[i],fmt(F,now+u),'PX',fmt(F,(u-u%1000)/1000+1))\n"
"   end\n"
"  end\n"
"  f=u+A*q\n"
"  if q>B then w=-1 elseif f>e then w=f-e end\n"
" elseif k==fixed then\n"
"  local x,c=string.match(s,'^(%d+):(%d+)$')\n"
"  x,u=tonumber(x) or 0,tonumber(c) or 0\n"
"  local keep\n"
"  e,keep=window(ARGV[o+5]+0,B,ARGV[o+4]+0,x,now)\n"
"  if not keep then u=0 end\n"
"  f=u+q\n"
"  if q>A then w=-1 elseif f>A then w=e-now end\n"
" else\n"
"  local at=now\n"
"  e=floor(now/B)\n"
"  local x,c,p=string.match(s,'^(%d+):(%d+):(%d+)$')\n"
"  x,u,p=tonumber(x) or 0,tonumber(c) or 0,tonumber(p) or 0\n"
"  if x==e+1 or x==e+2 then e,at=x,x*B elseif x==e-1 then p,u=u,0\n"
"  elseif x~=e then p,u=0,0 end\n"
"  f=u+q\n"
"  local r=ceil(p*floor(((e+1)*B-at)/1000)/(B/1000))\n"
"  slide=slide or function(u,r,p,q,A,B,e,at)\n"
"   if q>A then return -1 elseif u+r+q<=A then return 0 end\n"
"   local len,room,y,z=B/1000,A-u-q,p,(e+1)*B\n"
"   local m=len\n"
"   if room<0 then room,y,z=A-q,u,z+B end\n"
"   if y>room then m=floor(room*len/y) end\n"
"   local w=z-m*1000-at\n"
"   if w<1 then w=1 end\n"
"   return w\n"
"  end\n"
"  w=slide(u,r,p,q,A,B,e,at)\n"
"  P=P or {}\n"
"  P[i*3-2],P[i*3-1],P[i*3]=p,r,at\n"
" end\n"
" S[j],S[j+1],S[j+2],S[j+3]=u,f,e,w\n"
" j,o=j+4,o+6\n"
" if w~=0 and mode~=dry_run and mode~=dry_look and mode~=dry_penalty then\n"
"  ok=0\n"
" end\n"
"end\n"
"local R={ok,now,nil,nil,nil,nil,nil,nil,nil,nil,nil}\n"
"local m=3\n"
"j,o=1,1\n"
"for i=1,n do\n"
" local k,mode=byte(ARGV[o],1,2)\n"
" local A,u,f,e,w=ARGV[o+1]+0,S[j],S[j+1],S[j+2],S[j+3]\n"
" if ok==0 and (mode==penalty or mode==dry_penalty) then\n"
"  local most=A\n"
"  if k==gcra then most=e elseif k==sliding then most=A-P[i*3-1] end\n"
"  if f>most then f=most end\n"
"  if f<u then f=u end\n"
"  local q=ARGV[o+3]+0\n"
"  if w>0 and k==gcra then w=f+A*q-e\n"
"  elseif w>0 and k==sliding then\n"
"   w=slide(f,P[i*3-1],P[i*3-2],q,A,ARGV[o+2]+0,e,P[i*3])\n"
"  end\n"
" elseif ok==0 or w~=0 or mode==look or mode==dry_look then\n"
"  f=u\n"
" end\n"
" local left,reset\n"
" if k==gcra then\n"
"  left,reset=floor((e-f)/A),f\n"
"  if f>u then call('SET',KEYS[i],fmt(F,now+f),'PX',"
    "fmt(F,(f-f%1000)/1000+1)) end\n"
" elseif k==fixed then\n"
"  left,reset=A-f,e-now\n"
"  if f>u then call('SET',KEYS[i],fmt(F..':'..F,e,f),'PX',"
    "fmt(F,floor(reset/1000)+1)) end\n"
" else\n"
"  local B=ARGV[o+2]+0\n"
"  left,reset=A-f-P[i*3-1],(e+1)*B-now\n"
"  if f>u then call('SET',KEYS[i],fmt(F..':'..F..':'..F,e,f,"
    "P[i*3-2]),'PX',fmt(F,floor((reset+B)/1000)+1)) end\n"
" end\n"
" if left<0 then left=0 end\n"
" R[m],R[m+1],R[m+2]=left,reset,w\n"
" m,j,o=m+3,j+4,o+6\n"
"end\n"
"return R\n";


/*
 * KEYS: one.  ARGV:
 *
 *   1  the mode; forget, set and refund have no effect without a state
 *   2  the algorithm
 *   3  to 7: as 2 to 6 above
 *   8  refund: gcra: the state after the charge, in us; fixed, sliding: the end
 *      of the window that was charged; else 0
 *   9  refund: "least" of gw_limit_result_t: gcra: us; fixed, sliding: units;
 *      else 0
 *
 * Returns, after the change: units left, us until the key is idle or the window
 * ends, 0, the time, units used; and whether there was a state.
 */

static const char  ngx_http_gateway_limit_change_lua[] =
NGX_HTTP_GATEWAY_LIMIT_SCRIPT_BOTH(ngx_http_gateway_limit_script_local)
NGX_HTTP_GATEWAY_LIMIT_SCRIPT_CHANGE(ngx_http_gateway_limit_script_local)
"local call,fmt,floor,ceil,byte=redis.call,string.format,"
    "math.floor,math.ceil,string.byte\n"
"local t=call('TIME')\n"
"local now=t[1]*1000000+t[2]\n"
"local v=call('GET',KEYS[1])\n"
"local mode,al=byte(ARGV[1]),byte(ARGV[2])\n"
"if not v and (mode==set or mode==forget or mode==refund) then\n"
" mode=look\n"
"end\n"
"local A,B,q,C=ARGV[3]+0,ARGV[4]+0,ARGV[5]+0,ARGV[6]+0\n"
"local E,least=ARGV[8]+0,ARGV[9]+0\n"
"local s,used,left,reset=v or '',0,0,0\n"
NGX_HTTP_GATEWAY_LIMIT_WINDOW_LUA
"local function change(u,unit,all)\n"
" if mode==forget then return 0\n"
" elseif mode==set then u=0\n"
" elseif mode==refund then\n"
"  if u+(al==gcra and now or 0)<least then return u end\n"
"  local back=unit*q\n"
"  if al==gcra then\n"
"   if back>E-now then back=E-now end\n"
"   if back<0 then back=0 end\n"
"  end\n"
"  u=u-back\n"
"  if u<0 then u=0 end\n"
"  return u\n"
" elseif mode==look then return u end\n"
" local most=all\n"
" if mode~=penalty then most=2*all end\n"
" local f=u+unit*q\n"
" if f>most then f=most end\n"
" if f<u then f=u end\n"
" return f\n"
"end\n"
"local function weigh(p,rest,B) return ceil(p*floor(rest/1000)/(B/1000)) end\n"
"local function write(text,ttl)\n"
" if mode==look then return end\n"
" if mode==forget then call('DEL',KEYS[1])\n"
" else call('SET',KEYS[1],text,'PX',fmt('%.0f',ttl/1000+1)) end\n"
"end\n"
"if al==gcra then\n"
" local all=A*B\n"
" local u=(tonumber(s) or 0)-now\n"
" if not (u>0) then u=0 elseif u>2*all and u>2*C then u=2*C end\n"
" u=change(u,A,all)\n"
" write(fmt('%.0f',now+u),u)\n"
" used,left,reset=ceil(u/A),floor((all-u)/A),u\n"
"elseif al==fixed then\n"
" local x,c=string.match(s,'^(%d+):(%d+)$')\n"
" x,c=tonumber(x) or 0,tonumber(c) or 0\n"
" local e,keep=window(ARGV[7]+0,B,C,x,now)\n"
" if not keep then c=0 end\n"
" if mode~=refund or e==E then c=change(c,1,A) end\n"
" write(fmt('%.0f:%.0f',e,c),e-now)\n"
" used,left,reset=c,A-c,e-now\n"
"else\n"
" local k,at=floor(now/B),now\n"
" local x,c,p=string.match(s,'^(%d+):(%d+):(%d+)$')\n"
" x,c,p=tonumber(x) or 0,tonumber(c) or 0,tonumber(p) or 0\n"
" if x==k+1 or x==k+2 then k,at=x,x*B elseif x==k-1 then p,c=c,0\n"
" elseif x~=k then p,c=0,0 end\n"
" local e=(k+1)*B\n"
" if mode==refund and E==k*B then p=change(p,1,A)\n"
" elseif mode~=refund or e==E then\n"
"  c=change(c,1,mode==penalty and A-weigh(p,e-at,B) or A)\n"
" end\n"
" if mode==set or mode==forget then p=0 end\n"
" write(fmt('%.0f:%.0f:%.0f',k,c,p),e+B-now)\n"
" local r=weigh(p,e-at,B)\n"
" used,left,reset=c+r,A-c-r,e-now\n"
"end\n"
"if left<0 then left=0 end\n"
"return {left,reset,0,now,used,v and 1 or 0}\n";


ngx_http_gateway_redis_script_t  ngx_http_gateway_limit_decide_script = {
    ngx_string(ngx_http_gateway_limit_decide_lua),
    "decide",
    { 0 },
    NGX_HTTP_GATEWAY_LIMIT_DECIDE_HEAD,
    NGX_HTTP_GATEWAY_LIMIT_DECIDE_LIMIT
};


ngx_http_gateway_redis_script_t  ngx_http_gateway_limit_change_script = {
    ngx_string(ngx_http_gateway_limit_change_lua),
    "change",
    { 0 },
    NGX_HTTP_GATEWAY_LIMIT_CHANGE,
    0
};
