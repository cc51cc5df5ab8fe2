-- The latest health of each battery pack in place: of the packs whose newest record is less than an hour before the robot's
-- newest record with packs, because some robots tell of their packs by turns. A pack that was swapped out is in the table
-- `batteries`.
SELECT robot_id, pack_id, pack_epoch, stream_epoch, seq, window_end,
       soc_end, voltage_v, current_a, temp_max_c, discharged_ah, full_charge_ah,
       soh_capacity, soh_capacity_method, equivalent_full_cycles, pack_health_index,
       capacity_ah, end_of_life_ah, dcir_25c_mohm, soh_resistance, c_rate_max, cell_imbalance_mv, energy_efficiency,
       xu_loss, cycle_damage, cold_charge_count, deep_discharge_count, overtemp_h,
       methods, absent, flags, formula_version, config_digest
FROM (
    SELECT batteries.*,
           first_value(batteries.window_end) OVER (PARTITION BY batteries.robot_id ORDER BY latest.newest DESC)
               AS robot_window_end
    FROM (
        SELECT robot_id AS of_robot_id, pack_id AS of_pack_id, max(record_order(stream_epoch, seq)) AS newest
        FROM batteries GROUP BY robot_id, pack_id
    ) AS latest
    JOIN batteries ON batteries.robot_id = latest.of_robot_id AND batteries.pack_id = latest.of_pack_id
        AND record_order(batteries.stream_epoch, batteries.seq) = latest.newest
) AS packs
WHERE window_end > robot_window_end - INTERVAL '1 hour'
