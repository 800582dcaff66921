// Runs SealcapReceiver on the stand-in of UnityEngine, as Unity would call it, one command a line:
//   set FIELD VALUE | idle on|off | enable | disable | recentre | capture | wait PACKETS | step SECONDS | look | quit
// The avatar comes from a file: per transform its parent's row, its HumanBodyBones number or -1, world position
// and rotation. `step` and `look` print where all are, and what happened since.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Reflection;
using System.Text;
using System.Threading;
using Sealcap;
using UnityEngine;

internal static class Scene
{
    private static readonly SealcapReceiver Receiver = new SealcapReceiver();
    private static readonly List<Transform> Transforms = new List<Transform>();
    private static readonly List<string> Events = new List<string>();
    private static readonly Quaternion IdleTurn = new Quaternion(0.1f, 0.2f, 0.3f, 0.9273618f);
    private static bool _idle;

    private static int Main(string[] arguments)
    {
        Component.OnTheObject.Add(ReadAvatar(arguments[0]));
        Receiver.onPersonFound.AddListener(delegate { Events.Add("found"); });
        Receiver.onPersonLost.AddListener(delegate { Events.Add("lost"); });
        Receiver.onStateChanged.AddListener(delegate(TrackingState state) { Events.Add(state.ToString()); });
        Call("Awake");
        for (string line = Console.ReadLine(); line != null && line != "quit"; line = Console.ReadLine())
            Obey(line.Split(' '));
        Call("OnDisable");
        return 0;
    }

    private static void Obey(string[] words)
    {
        switch (words[0])
        {
            case "set": Set(words[1], words[2]); break;
            case "idle": _idle = words[1] == "on"; break;
            case "enable": Call("OnEnable"); break;
            case "disable": Call("OnDisable"); break;
            case "recentre": Receiver.Recentre(); break;
            case "capture": Receiver.CaptureRestPose(); break;
            case "wait": Wait(int.Parse(words[1])); break;
            case "step": Step(float.Parse(words[1], CultureInfo.InvariantCulture)); return;
            case "look": Print(); return;
        }
        Console.WriteLine("done");
    }

    private static void Set(string name, string value)
    {
        FieldInfo field = typeof(SealcapReceiver).GetField(name);
        field.SetValue(Receiver, field.FieldType.IsEnum
            ? Enum.Parse(field.FieldType, value)
            : Convert.ChangeType(value, field.FieldType, CultureInfo.InvariantCulture));
    }

    private static void Wait(int packets)
    {
        for (int i = 0; i < 5000 && Receiver.Counters.Packets < packets; i++)
            Thread.Sleep(1);
    }

    private static void Step(float seconds)
    {
        if (_idle) // what an Animator would do before LateUpdate
            foreach (Transform transform in Transforms)
                transform.localRotation = IdleTurn;
        Time.unscaledDeltaTime = seconds;
        Call("LateUpdate");
        Print();
    }

    private static void Call(string method)
    {
        typeof(SealcapReceiver).GetMethod(method, BindingFlags.Instance | BindingFlags.NonPublic)
            .Invoke(Receiver, null);
    }

    private static Animator ReadAvatar(string path)
    {
        Animator animator = new Animator();
        foreach (string line in File.ReadAllLines(path))
        {
            string[] words = line.Split(' ');
            float[] n = Array.ConvertAll(words, delegate(string w) { return float.Parse(w, CultureInfo.InvariantCulture); });
            Transform transform = new Transform { parent = n[0] < 0 ? null : Transforms[(int)n[0]] };
            transform.position = new Vector3(n[2], n[3], n[4]);
            transform.rotation = new Quaternion(n[5], n[6], n[7], n[8]);
            if (words.Length > 9)
                transform.Scale = n[9];
            Transforms.Add(transform);
            if (n[1] >= 0)
                animator.Bones[(HumanBodyBones)(int)n[1]] = transform;
        }
        animator.transform = Transforms[0];
        return animator;
    }

    private static void Print()
    {
        StringBuilder text = new StringBuilder();
        text.AppendFormat(
            "{{\"state\": \"{0}\", \"person\": {1}, \"events\": \"{2}\", \"problem\": \"{3}\", \"told\": \"{4}\", \"bones\": [",
            Receiver.State, Receiver.CurrentPerson, string.Join(" ", Events), Receiver.Problem,
            string.Join("; ", Debug.Told));
        Events.Clear();
        foreach (Transform t in Transforms)
        {
            Vector3 p = t.position;
            Quaternion q = t.rotation, l = t.localRotation;
            text.AppendFormat(
                CultureInfo.InvariantCulture, "[{0:R}, {1:R}, {2:R}, {3:R}, {4:R}, {5:R}, {6:R}, {7:R}, {8:R}, {9:R}, {10:R}], ",
                p.x, p.y, p.z, q.x, q.y, q.z, q.w, l.x, l.y, l.z, l.w);
        }
        Console.WriteLine(text.Append("[]]}"));
    }
}
