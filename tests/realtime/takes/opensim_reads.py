"""Run by a Python that has OpenSim: read a TRC or MOT file and write what was understood as JSON.

Arguments: FILE OUT.json.
"""

import json
import sys

import opensim


def trc(path):
    table = opensim.TimeSeriesTableVec3(path)
    points = []
    for row in range(table.getNumRows()):
        vectors = table.getRowAtIndex(row)
        points.append([[vectors.getElt(0, i)[k] for k in range(3)] for i in range(table.getNumColumns())])
    return {
        "labels": list(table.getColumnLabels()),
        "times": list(table.getIndependentColumn()),
        "points": points,
        "units": table.getTableMetaDataString("Units"),
        "rate": table.getTableMetaDataString("DataRate"),
    }


def mot(path):
    table, storage = opensim.TimeSeriesTable(path), opensim.Storage(path)
    rows = [
        [table.getRowAtIndex(i).getElt(0, k) for k in range(table.getNumColumns())]
        for i in range(table.getNumRows())
    ]
    return {
        "labels": list(table.getColumnLabels()),
        "times": list(table.getIndependentColumn()),
        "rows": rows,
        "degrees": storage.isInDegrees(),
    }


with open(sys.argv[2], "w") as out:
    json.dump((trc if sys.argv[1].endswith(".trc") else mot)(sys.argv[1]), out)
