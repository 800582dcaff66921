// SPDX-License-Identifier: Apache-2.0
// Part of Sealcap. Plain C#: knows nothing of Unity.

using System;

namespace Sealcap
{
    /// <summary>What of the sender's place moves the avatar's hips.</summary>
    public enum HipsMotion
    {
        /// <summary>The avatar walks where the person walks.</summary>
        Everywhere,
        /// <summary>Up and down only: the avatar stays where it is.</summary>
        UpAndDown,
        /// <summary>The hips only turn; who writes them leaves their place alone.</summary>
        None,
    }

    /// <summary>
    /// From a received pose to an avatar's bones. Rotations from the sender's T-pose are turned, one bone at a
    /// time, onto the avatar's own T-pose in the axes of its root; so it does not matter how its bones are
    /// rolled, and a bone that either side lacks passes its rotation on to those below.
    /// </summary>
    public sealed class Retargeter
    {
        /// <summary>Height of the hip joints over thigh and shank together, of the sender's body at rest.</summary>
        public const float HipHeightPerLeg = 0.5198f / (0.2298f + 0.2472f);
        private const float LearnShare = 0.05f;

        public HipsMotion HipsMotion = HipsMotion.Everywhere;
        /// <summary>Avatar's units per metre of the sender; 0: so that the hips are as high as its legs are long.</summary>
        public float Scale;
        /// <summary>The person's first place is where the avatar stands.</summary>
        public bool Centred = true;

        /// <summary>Bones to write: the avatar has them, and they were received or lie between such.</summary>
        public readonly bool[] Driven = new bool[Skeleton.Bones.Length];
        /// <summary>Rotation of each driven bone relative to whatever it hangs on.</summary>
        public readonly Quat[] Local = new Quat[Skeleton.Bones.Length];
        /// <summary>Where the hips bone begins, in the axes and units of the avatar's root.</summary>
        public Vec3 Hips;

        private readonly RestSkeleton _rest;
        private readonly int[] _parent = new int[Skeleton.Bones.Length];
        private readonly Quat[] _tPose = new Quat[Skeleton.Bones.Length];
        private readonly Quat[] _fromParent = new Quat[Skeleton.Bones.Length];
        private readonly Quat[] _turn = new Quat[Skeleton.Bones.Length];
        private readonly Quat[] _world = new Quat[Skeleton.Bones.Length];
        private ulong _mask;
        private int _person;
        private float _leg;
        private bool _placed, _begun;
        private Vec3 _origin;

        /// <param name="toTPose">False: the rest pose is taken for a T-pose as it is.</param>
        public Retargeter(RestSkeleton rest, bool toTPose)
        {
            _rest = rest;
            Quat[] turn = rest.ToTPose();
            foreach (int bone in Skeleton.Order)
            {
                if (!rest.Has[bone])
                    continue;
                int parent = _parent[bone] = rest.ParentOf(bone);
                _tPose[bone] = (toTPose ? turn[bone] : Quat.Identity) * rest.Rotation[bone];
                _fromParent[bone] = parent < 0
                    ? rest.ParentRotation[bone].Inverse
                    : (rest.Rotation[parent].Inverse * rest.ParentRotation[bone]).Inverse;
            }
            Hips = rest.Position[(int)Bone.Hips];
        }

        /// <summary>Take the person's next place for where the avatar stands.</summary>
        public void Recentre() { _placed = false; }

        /// <summary>The next pose is shown at once, however much smoothing there is.</summary>
        public void Restart() { _begun = false; }

        /// <summary>Compute the avatar's pose. `share`: how far to go there from the last one, 1 without smoothing.</summary>
        public void Solve(PoseFrame frame, float share)
        {
            if (frame.BoneMask != _mask)
                ChooseDriven(frame.BoneMask);
            if (!_begun)
                share = 1f;
            foreach (int bone in Skeleton.Order)
                if (Turn(frame, bone) && Driven[bone])
                    Local[bone] = share < 1f ? Quat.Slerp(Local[bone], LocalOf(bone), share) : LocalOf(bone);
            Vec3 hips = Place(frame);
            Hips = share < 1f ? Vec3.Lerp(Hips, hips, share) : hips;
            _begun = true;
        }

        private void ChooseDriven(ulong mask)
        {
            _mask = mask;
            ulong above = 0; // bones with a received bone below them
            for (int i = Skeleton.Order.Length - 1; i > 0; i--)
            {
                int bone = Skeleton.Order[i], parent = Skeleton.Parents[bone];
                if (parent >= 0 && ((mask | above) & 1UL << bone) != 0)
                    above |= 1UL << parent;
            }
            for (int bone = 0; bone < Driven.Length; bone++)
                Driven[bone] = _rest.Has[bone] && ((mask | above) & 1UL << bone) != 0;
            _begun = false;
        }

        /// <summary>The bone's rotation from the T-pose in the room's axes, and what that makes of the avatar's.</summary>
        private bool Turn(PoseFrame frame, int bone)
        {
            int parent = Skeleton.Parents[bone];
            Quat own = (frame.BoneMask & 1UL << bone) != 0 ? frame.Local[bone] : Quat.Identity;
            _turn[bone] = parent < 0 ? own : (_turn[parent] * own).Normalized;
            if (_rest.Has[bone])
                _world[bone] = _turn[bone] * _tPose[bone];
            return _rest.Has[bone];
        }

        private Quat LocalOf(int bone)
        {
            Quat above = _parent[bone] < 0 ? Quat.Identity : _world[_parent[bone]].Inverse;
            return (_fromParent[bone] * above * _world[bone]).Normalized;
        }

        private Vec3 Place(PoseFrame frame)
        {
            Vec3 rest = _rest.Pelvis;
            Learn(frame);
            float scale = Scale > 0f ? Scale : _leg > 0f ? rest.Y / (HipHeightPerLeg * _leg) : 1f;
            if (!_placed)
                _origin = new Vec3(frame.Pelvis.X, 0f, frame.Pelvis.Z);
            _placed = true;
            Vec3 pelvis = (Centred ? frame.Pelvis - _origin : frame.Pelvis) * scale;
            if (HipsMotion == HipsMotion.UpAndDown)
                pelvis = new Vec3(rest.X, pelvis.Y, rest.Z);
            Vec3 fromHips = rest - _rest.Position[(int)Bone.Hips];
            return pelvis - _turn[(int)Bone.Hips].Rotate(fromHips);
        }

        /// <summary>The sender's legs hardly change; a frame in which they are seen badly does not count for much.</summary>
        private void Learn(PoseFrame frame)
        {
            if (frame.LegLength <= 0f)
                return;
            bool anew = _leg <= 0f || frame.Person != _person;
            _leg = anew ? frame.LegLength : _leg + LearnShare * (frame.LegLength - _leg);
            _person = frame.Person;
        }
    }
}
