from tests.contract.query import world
def test_x(client, connection):
    made=world.build(connection)
    for q in ("user=ada","user=ada&project_id=1","project_id=1","", "start_date=2024-01-01", "user=ada&start_date=2024-01-01","project_id=1&start_date=2024-01-01"):
        r=client.get("/api/tool-calls/stats?"+q).json(); print(q, [(t['tool_name'],t['max_ms'],t['p50_ms']) for t in r['tools']])
    print(connection.execute("select project_id,user_id,grain_minutes,count(*) from latency_rollups group by 1,2,3 order by 3,1,2").fetchall())
    assert 0
